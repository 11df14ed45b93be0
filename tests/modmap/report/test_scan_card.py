"""What a notebook shows of a scan."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from modmap.scan import Frame, Scan, View

URI = re.compile(r'src="data:image/webp;base64,([^"]+)" alt="(\w+) of view (\w+)"')


def _pictures(card: str) -> dict[tuple[str, str], np.ndarray]:
    return {
        (view, what): np.asarray(
            cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
        )
        for data, what, view in URI.findall(card)
    }


class TestScanCard:
    def test_card__facts(self, make_scan: Callable[..., Scan]) -> None:
        scan = make_scan(name="part <7>", views=3)
        card = scan._repr_html_()
        depths = [np.asarray(view.depth) for view in scan.views]
        every = np.concatenate([depth[depth > 0] for depth in depths])
        shares = sorted(float((depth > 0).mean()) for depth in depths)
        assert "part &lt;7&gt;" in card
        assert "<7>" not in card
        assert "3 views" in card
        assert "80x60" in card
        assert f"{every.min():.1f} to {every.max():.1f} mm" in card
        assert f"{shares[0]:.1%}" in card
        assert ">yes<" in card
        assert ">nominal<" in card
        assert "http" not in card

    def test_card__thumbnails_are_image_and_depth_of_every_view(self, make_scan: Callable[..., Scan]) -> None:
        scan = make_scan(views=2)
        pictures = _pictures(scan._repr_html_())
        assert set(pictures) == {(view, what) for view in ("00", "01") for what in ("image", "depth")}
        for view in scan.views:
            gray = pictures[view.id, "image"][..., 0]
            # As large as it is, but for what the compression of a photo does.
            assert gray.shape == (60, 80)
            assert np.abs(gray.astype(float) - np.asarray(view.image)).mean() < 4
            depth = pictures[view.id, "depth"].astype(float)
            hole = np.asarray(view.depth) == 0
            inside = cv2.erode(hole.astype(np.uint8), np.ones((9, 9))).astype(bool)
            assert np.abs(depth[inside] - [239, 235, 232]).max() < 12

    def test_card__many_large_views_are_read_six_at_most_and_one_at_a_time(
        self, make_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[str] = []
        load = View.load

        def loads(view: View) -> Frame:
            read.append(view.id)
            return load(view)

        monkeypatch.setattr(View, "load", loads)
        card = make_scan(views=36)._repr_html_()
        assert read == ["00", "06", "12", "18", "24", "30"]
        assert "36 views" in card
        assert "6 of 36 views read" in card
        assert len(_pictures(card)) == 12

    def test_card__reduced_to_thumbnails(self) -> None:
        view = View("00", np.full((600, 800), 9, np.uint16), np.full((600, 800), 5, np.float32))
        card = Scan("s", [view])._repr_html_()
        assert {picture.shape[:2] for picture in _pictures(card).values()} == {(120, 160)}
        assert "800x600" in card
        assert "5.0 to 5.0 mm, measured at 100.0% of the pixels" in card
        assert ">no<" in card

    def test_card__a_view_that_cannot_be_read_is_told(
        self, make_scan: Callable[..., Scan], tmp_path: Path
    ) -> None:
        scan = make_scan(views=2)
        broken = replace(scan.views[1], image=tmp_path / "<none>.png")
        card = replace(scan, views=(scan.views[0], broken))._repr_html_()
        assert "view 01: " in card
        assert "&lt;none&gt;.png: expected a file, found none" in card
        assert set(_pictures(card)) == {("00", "image"), ("00", "depth")}

    def test_card__nothing_measured_and_some_cameras(self, make_scan: Callable[..., Scan]) -> None:
        scan = make_scan(views=2)
        bare = [replace(view, depth=np.zeros((60, 80), np.float32)) for view in scan.views]
        card = replace(scan, views=(bare[0], replace(bare[1], camera=None)))._repr_html_()
        assert "nothing measured" in card
        assert "yes, but not of 01" in card
