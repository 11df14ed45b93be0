"""Encoders that see each view cut to the part: finer tokens there, and maps that lie where they should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from modmap.detector.model import ModMap
from modmap.detector.part_windows import part_windows
from modmap.encoding.window import Window
from modmap.figures.pairs import pair_pictures
from modmap.result import ViewMaps
from modmap.runs.map_files import read_maps, write_maps
from modmap.scan import Scan
from tests.synthetic_scans import ball_scan

ScanMaker = Callable[..., Scan]


class TestPartWindows:
    def test_part_windows__around_the_part_of_every_scan(self) -> None:
        small, large = ball_scan(radius=30.0), ball_scan(radius=60.0)
        found = part_windows([small, large], foreground="components")
        assert list(found) == list(small.view_ids)
        for view in large.views:
            frame = view.load()
            rows, columns = found[view.id].of(frame.shape)
            assert (frame.depth[rows, columns] > 0).sum() == (frame.depth > 0).sum()
            assert (rows.stop - rows.start) < 0.95 * frame.shape[0] or (
                columns.stop - columns.start
            ) < 0.8 * frame.shape[1]

    def test_part_windows__without_cameras_all_that_was_measured(self) -> None:
        scan = ball_scan(radius=30.0)
        blind = replace(scan, views=[replace(view, camera=None) for view in scan.views])
        for view_id, window in part_windows([blind], foreground="components").items():
            assert window == Window.around(scan[view_id].load().depth > 0)


class TestCrop:
    def test_predict__maps_lie_where_the_part_does(
        self, make_model: Callable[..., ModMap], tmp_path: Path
    ) -> None:
        """Through a file of the model and one of the maps, and with nothing said beside the windows."""
        nominal = ball_scan(radius=25.0, width=128, height=96)
        model = make_model(nominal, crop=True)
        assert set(model.trained.windows) == set(nominal.view_ids)
        again = ModMap.from_pretrained(model.save_pretrained(tmp_path / "model"), device="cpu")
        assert again.trained.windows == model.trained.windows
        image = np.array(nominal["01"].image)
        rows, columns = np.nonzero(np.asarray(nominal["01"].depth) > 0)
        spot = (
            slice(int(rows.mean()) - 4, int(rows.mean()) + 4),
            slice(int(columns.mean()) - 4, int(columns.mean()) + 4),
        )
        image[spot] = 255 - image[spot]
        changed = replace(nominal["01"], image=image)
        scan = replace(nominal, views=[changed if view.id == "01" else view for view in nominal.views])
        good, bad = again.predict(nominal), again.predict(scan)
        difference = np.abs(bad.map("01") - good.map("01"))
        at = np.unravel_index(np.nanargmax(difference), difference.shape)
        assert abs(at[0] - rows.mean()) < 10
        assert abs(at[1] - columns.mean()) < 10
        for view_id, maps in good.views.items():
            part = np.asarray(nominal[view_id].depth) > 0
            np.testing.assert_array_equal(np.isfinite(maps.image()), part)
        write_maps(bad.views, tmp_path)
        for view_id, maps in read_maps(tmp_path).items():
            assert maps.window == bad.views[view_id].window
            np.testing.assert_array_equal(maps.combined(), bad.map(view_id))

    def test_predict__tokens_are_finer_on_the_part(self, make_model: Callable[..., ModMap]) -> None:
        nominal = ball_scan(radius=25.0, width=128, height=96)
        whole, cut = (make_model(nominal, crop=crop) for crop in (False, True))
        share = [model.fitted.encode(nominal).foreground.float().mean() for model in (whole, cut)]
        assert share[1] > 3 * share[0]

    def test_combined__beside_its_window_nothing_is_said(self) -> None:
        part = np.ones((20, 40), dtype=bool)
        tokens = np.full((4, 4), 0.5, np.float32)
        window = Window(top=0.0, left=0.5, bottom=1.0, right=1.0)
        maps = ViewMaps("a", tokens, tokens, "max", (20, 40), np.packbits(part), window=window)
        assert np.isnan(maps.image()[:, :20]).all()
        np.testing.assert_allclose(maps.image()[:, 20:], 0.5)
        np.testing.assert_allclose(maps.combined(), np.where(np.arange(40) < 20, 0, 0.5) * np.ones((20, 1)))

    def test_pair_pictures__of_the_windows(self, make_model: Callable[..., ModMap]) -> None:
        nominal = ball_scan(views=3, radius=25.0, width=128, height=96)
        pictures = pair_pictures(make_model(nominal, crop=True), nominal)
        assert np.asarray(pictures["image"]).ndim == 3
