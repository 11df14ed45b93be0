"""The pages in the real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.modmap.report import browser
from tests.modmap.report.conftest import Reported

Opened = Callable[..., AbstractContextManager[browser.Watched]]

pytestmark = pytest.mark.browser

READY = "document.body.dataset.part === 'ready'"
SETTLE = 1500


@pytest.fixture(scope="module")
def opened() -> Iterator[Opened]:
    """Opens a file in a browser that all tests here share, each in a context of its own."""
    browsers = browser.Browsers()
    yield partial(browser.opened, browsers=browsers)
    browsers.close()


class TestScanPage:
    def test_page__draws_and_answers(self, opened: Opened, reported: Reported) -> None:
        path = reported.out / "bad" / "report.html"
        with opened(path) as watched:
            page = watched.page
            page.wait_for_function(READY)
            page.wait_for_timeout(SETTLE)
            assert page.locator(".badge").inner_text() == "FAIL"
            assert page.locator("h1").inner_text() == "bad <b>&"

            canvas = watched.picture("#part")
            assert canvas.std() > 5, "the canvas is blank"
            assert len(np.unique(canvas.reshape(-1, 3), axis=0)) > 100

            page.locator("#threshold").fill("0")
            page.wait_for_timeout(SETTLE)
            coloured = watched.picture("#part")
            page.locator("#threshold").press("End")
            page.wait_for_timeout(SETTLE)
            calm = watched.picture("#part")
            assert (np.abs(coloured.astype(int) - calm).max(axis=2) > 20).mean() > 0.01

            assert page.locator(".view:visible").count() == 4
            page.locator("tr.defect").first.click()
            page.wait_for_timeout(SETTLE)
            shown = page.locator(".view:visible")
            expected = page.evaluate("data.defects[0].views.map((seen) => seen.view)")
            assert 0 < shown.count() <= 4
            assert sorted(one.get_attribute("data-view") for one in shown.all()) == sorted(expected)
            assert page.locator(".view:visible .box").count() == 5 * len(expected)
            turned = watched.picture("#part")
            assert (np.abs(turned.astype(int) - calm).max(axis=2) > 20).mean() > 0.01
            page.locator("#all-views").click()
            assert page.locator(".view:visible").count() == 4
            assert page.locator(".box").count() == 0
            assert watched.errors == []
            assert watched.requests == []

    def test_page__without_webgl_the_part_from_three_sides(self, opened: Opened, reported: Reported) -> None:
        with opened(reported.out / "bad" / "report.html", webgl=False) as watched:
            page = watched.page
            page.wait_for_function("document.body.classList.contains('without-webgl')")
            assert "This browser shows no WebGL" in page.locator("#still").inner_text()
            assert page.locator(".stills img:visible").count() == 3
            assert page.locator("#turned:visible").count() == 0
            assert page.locator("#part").get_attribute("srcdoc") is None
            assert watched.picture(".stills").std() > 5
            page.locator("tr.defect").first.press("Enter")  # what doesn't need it works
            assert page.locator("tr.defect.chosen").count() == 1
            assert watched.errors == []

    def test_page__layers(self, opened: Opened, reported: Reported) -> None:
        with opened(reported.out / "bad" / "report.html", webgl=False) as watched:
            page = watched.page
            first = page.locator(".view").first
            shown = first.locator("figure:visible").count()
            page.locator('.layers input[data-layer="depth"]').uncheck()
            assert first.locator("figure:visible").count() == shown - 1
            assert first.locator('figure[data-layer="depth"]:visible').count() == 0
            picture = '.view:first-child figure[data-layer="final map"]'
            before = watched.picture(picture)
            page.locator("#over-image").check()
            over = watched.picture(picture)
            assert (np.abs(over.astype(int) - before).max(axis=2) > 20).mean() > 0.05
            page.locator("#over-image").uncheck()
            np.testing.assert_array_equal(watched.picture(picture), before)
            assert watched.errors == []

    @pytest.mark.parametrize("name", ["bad", "good"])
    def test_page__prints_on_two_pages(self, opened: Opened, reported: Reported, name: str) -> None:
        with opened(reported.out / name / "report.html") as watched:
            watched.page.wait_for_function(READY)
            printed = watched.page.pdf(prefer_css_page_size=True, print_background=True)
            assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 2

    def test_page__good_scan_has_no_defects(self, opened: Opened, reported: Reported) -> None:
        with opened(reported.out / "good" / "report.html") as watched:
            watched.page.wait_for_function(READY)
            assert watched.page.locator(".badge").inner_text() == "PASS"
            assert watched.page.locator("tr.defect").count() == 0
            assert (watched.errors, watched.requests) == ([], [])


class TestBatchPage:
    def test_page__sorts(self, opened: Opened, reported: Reported) -> None:
        with opened(reported.out / "index.html") as watched:
            page = watched.page
            names = page.locator("tbody tr td:nth-child(2)")
            assert names.all_inner_texts() == ["bad", "good"]
            for column, expected in (
                ("score", ["good", "bad"]),
                ("score", ["bad", "good"]),
                ("scan", ["bad", "good"]),
            ):
                page.locator("th", has_text=column).first.click()
                assert names.all_inner_texts() == expected
            assert page.locator("svg[aria-label='ROC curve']").count() == 1
            page.locator("tbody a").first.click()
            page.wait_for_url("**/bad/report.html")
            assert watched.errors == []

    @pytest.mark.parametrize("page", ["bad/report.html", "good/report.html", "index.html"])
    def test_page__one_small_file(self, reported: Reported, page: str) -> None:
        text = (reported.out / page).read_text(encoding="utf-8")
        assert len(text) < 15e6
        assert "bad <b>" not in text


class TestPairs:
    def test_page__nominal_beside_new_under_a_slider(self, opened: Opened, compared: Path) -> None:
        with opened(compared) as watched:
            page = watched.page
            page.wait_for_function(READY)
            pair = page.locator(".pair").first
            pair.scroll_into_view_if_needed()
            assert page.locator(".pair").count() == page.locator("tr.defect").count()
            assert "nominal on the left" in pair.inner_text()
            shown = {}
            for key, share in (("Home", 0), ("End", 100)):
                pair.locator("input").focus()
                pair.locator("input").press(key)
                assert pair.evaluate("one => one.style.getPropertyValue('--nominal')") == f"{share}%"
                shown[key] = watched.picture(".pair .stack").astype(int)
            # The new part is darker where it was dented and stained; the nominal one is as bright as around it.
            middle = (slice(120, 140), slice(120, 140))
            assert shown["Home"][middle].mean() < shown["End"][middle].mean() - 20
            assert (watched.errors, watched.requests) == ([], [])


class TestOmitted:
    def test_page__leads_with_what_was_not_inspected(self, opened: Opened, cut: Path) -> None:
        with opened(cut) as watched:
            page = watched.page
            page.wait_for_function(READY)
            page.wait_for_timeout(SETTLE)
            assert page.locator(".badge").inner_text() == "NOT INSPECTED"
            assert page.locator("main > section").nth(1).get_attribute("id") == "omitted"
            told = page.locator("#omitted").inner_text()
            assert "at least 95% must be shown" in told
            assert "03 (not in this scan)" in told
            striped = watched.picture("#part")
            page.locator('input[data-object="not measured"]').uncheck()
            page.wait_for_timeout(SETTLE)
            without = watched.picture("#part")
            assert _greenish(striped) > 0.02 > 10 * _greenish(without)
            page.locator('input[data-object="not measured"]').check()
            page.locator("#omitted tr.place").nth(1).press("Enter")
            page.wait_for_timeout(SETTLE)
            turned = watched.picture("#part")
            assert (np.abs(turned.astype(int) - striped).max(axis=2) > 20).mean() > 0.01
            assert "glare" in page.locator("table.places").nth(1).inner_text()
            half = '.view[data-view="01"] figure[data-layer="not inspected"]'
            assert _greenish(watched.picture(half)) > 0.02
            printed = page.pdf(prefer_css_page_size=True, print_background=True)
            assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 2
            assert (watched.errors, watched.requests) == ([], [])

    def test_page__without_webgl_the_stripes_are_in_the_pictures(self, opened: Opened, cut: Path) -> None:
        with opened(cut, webgl=False) as watched:
            watched.page.wait_for_function("document.body.classList.contains('without-webgl')")
            assert _greenish(watched.picture(".stills")) > 0.02
            assert watched.page.locator(".stripes input:visible").count() == 0
            assert "of the nominal surface" in watched.page.locator(".stripes").inner_text()
            assert watched.errors == []


class TestStudyPage:
    def test_page__turns_the_part_to_a_blind_place(self, opened: Opened, study_page: Path) -> None:
        with opened(study_page) as watched:
            page = watched.page
            page.wait_for_function(READY)
            page.wait_for_timeout(SETTLE)
            before = watched.picture("#part")
            assert len(np.unique(before.reshape(-1, 3), axis=0)) > 100
            page.locator("tr.place").first.press("Enter")
            page.wait_for_timeout(SETTLE)
            assert page.locator("tr.place.chosen").count() == 1
            turned = watched.picture("#part")
            assert (np.abs(turned.astype(int) - before).max(axis=2) > 20).mean() > 0.01
            assert (watched.errors, watched.requests) == ([], [])

    def test_page__without_webgl(self, opened: Opened, study_page: Path) -> None:
        with opened(study_page, webgl=False) as watched:
            watched.page.wait_for_function("document.body.classList.contains('without-webgl')")
            assert watched.page.locator(".stills img:visible").count() == 3
            watched.page.locator("tr.place").first.click()
            assert watched.page.locator("tr.place.chosen").count() == 1
            assert watched.errors == []


def _greenish(picture: np.ndarray) -> float:
    """Share of pixels that are green: no score, depth or image is."""
    blue, green, red = (picture[..., channel].astype(int) for channel in range(3))
    return float(((green > red + 40) & (green > blue + 5)).mean())
