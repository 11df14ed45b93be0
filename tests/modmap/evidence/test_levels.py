"""One scale for all evidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modmap.evidence.levels import FURTHEST, ODD, Level

HEADROOM = 1.7
LEVEL = Level(usual=0.5, most=2.0, headroom=HEADROOM)


def _scan(usual: float) -> dict[str, np.ndarray]:
    """Two views of which nine pixels of ten stay below `usual`."""
    even = np.linspace(0, usual / 0.9, 5000, dtype=np.float32).reshape(50, 100)
    holes = even.copy()
    holes[::7] = np.nan
    return {"a": even, "b": holes}


class TestLevelled:
    def test_levelled__of_a_scan_that_shows_the_usual(self) -> None:
        for view_id, one in LEVEL.levelled(_scan(0.5)).items():
            np.testing.assert_allclose(one, _scan(0.5)[view_id] / (2 * HEADROOM), rtol=0.01)

    @pytest.mark.parametrize(
        ("times", "unit"),
        [
            (1e-4, FURTHEST**-0.5),
            (0.25, 0.5),
            (1.44, 1.2),
            (ODD, ODD**0.5),
            (4.0, 4 / ODD**0.5),
            (1e4, FURTHEST / ODD**0.5),
        ],
    )
    def test_levelled__half_way_to_the_scans_own_and_wholly_where_that_is_odd(
        self, times: float, unit: float
    ) -> None:
        scan = _scan(0.5 * times)
        for view_id, one in LEVEL.levelled(scan).items():
            np.testing.assert_allclose(one, scan[view_id] / (2 * HEADROOM * unit), rtol=0.01)

    def test_levelled__an_odd_scans_views_by_their_own(self) -> None:
        """Of an odd scan each view that is more so; of others no view alone, as most of it may be a defect."""
        for times, own in ((4.0, True), (0.4, False)):
            scan = _scan(0.5 * times)
            scan["b"] = scan["b"] * np.float32(3)
            level = LEVEL.own(scan)
            of_view = LEVEL.own({"b": scan["b"]})
            assert level is not None
            assert of_view is not None
            assert of_view > 1.1 * level
            assert (level > ODD) == own
            unit = of_view / ODD**0.5 if own else level**0.5
            found = LEVEL.levelled(scan)["b"]
            np.testing.assert_allclose(found, scan["b"] / (2 * HEADROOM * unit), rtol=0.01)

    def test_own__a_defect_of_a_tenth_of_the_pixels_is_no_level(self) -> None:
        """Of those without it the level is as it was; with it, at most so many times what half of them show."""
        steep = replace(LEVEL, steepest=4.0)
        good = _scan(0.5)
        assert steep.own(good) == LEVEL.own(good)
        for height in (10.0, 100.0):
            bad = {view_id: one.copy() for view_id, one in good.items()}
            bad["a"][:, -12:] = bad["b"][:, -12:] = height
            half = 0.5 / 0.88 * 0.5 / 0.9
            assert steep.own(bad) == pytest.approx(4 * half / LEVEL.usual, rel=0.02)
            assert LEVEL.own(bad) == FURTHEST

    def test_levelled__what_lies_off_by_far_everywhere_is_no_level(self) -> None:
        """A part that is warped as a whole stands out however much of it there is; its views still differ in level."""
        level = Level(usual=0.5, most=2.0, headroom=HEADROOM, odd_at_most=2.5)
        for times in (3.0, 6.0, 12.0):
            scan = _scan(0.5 * times)
            unit = 2.5 / ODD**0.5
            np.testing.assert_allclose(
                level.levelled(scan)["a"], scan["a"] / (2 * HEADROOM * unit), rtol=0.01
            )
        scan = _scan(0.5 * 4)
        scan["b"] = scan["b"] * np.float32(3)
        own, of_view = level.own(scan), level.own({"b": scan["b"]})
        assert own is not None
        assert of_view is not None
        unit = 2.5 * of_view / own / ODD**0.5
        np.testing.assert_allclose(level.levelled(scan)["b"], scan["b"] / (2 * HEADROOM * unit), rtol=0.01)

    def test_levelled__a_views_own_counts_more_and_more_from_the_usual_to_an_odd_scan(self) -> None:
        """Never by a jump: two scans that are nearly alike have nearly the same level, by the slow formula."""
        before = None
        for times in np.linspace(0.2, 1.2, 41):
            scan = _scan(0.5 * times)
            scan["b"] = scan["b"] * np.float32(3)
            own, of_view = LEVEL.own(scan), LEVEL.own({"b": scan["b"]})
            assert own is not None
            assert of_view is not None
            share = min(max((own - 1) / (ODD - 1), 0), 1)
            level = own ** (1 - share) * of_view**share
            unit = (level if level > ODD else (level * ODD) ** 0.5) / ODD**0.5
            found = float(np.nanmax(scan["b"]) / np.nanmax(LEVEL.levelled(scan)["b"]) / (2 * HEADROOM))
            assert found == pytest.approx(unit, rel=1e-3)
            assert before is None or found < 1.12 * before
            before = found

    def test_levelled__a_small_defect_has_no_say(self) -> None:
        scan = _scan(0.5)
        defective = {view_id: one.copy() for view_id, one in scan.items()}
        defective["a"][:2, :50] = 80.0
        np.testing.assert_allclose(LEVEL.levelled(defective)["b"], LEVEL.levelled(scan)["b"], rtol=0.03)

    def test_levelled__nothing_is_said(self) -> None:
        nothing = {"a": np.full((3, 4), np.nan, np.float32)}
        assert np.isnan(LEVEL.levelled(nothing)["a"]).all()
        assert LEVEL.levelled({}) == {}
