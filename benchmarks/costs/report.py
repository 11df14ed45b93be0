"""What a report costs: its size, how long it takes to write against predicting the scan, and to load in a browser.

`python -m benchmarks.report_cost --run results/real2real --categories belt_pulley pump_housing --out report_cost` takes
the models of an evaluation, calibrates each on its category's good scans, and predicts the defective scan that scored
highest, without any kept tokens, as a user would. The page is then opened in headless Chromium (WebGL in software) and
photographed as it comes up, with its slider moved, and with a defect clicked.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from benchmarks.baselines.table import read_run
from benchmarks.evaluations.model_arguments import CacheArguments
from benchmarks.evaluations.summary import read_scan_lines
from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_text
from benchmarks.runs.markdown import markdown
from modmap import ModMap
from modmap.datasets import SiM3D
from modmap.errors import ModMapError
from modmap.report.write import write_reports
from modmap.runs.predict import write_result
from modmap.scan import Scan

FLAGS = ["--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WINDOW = (1400, 1000)
DRAWN = "document.body.dataset.part === 'ready'"
SETTLED_MS = 2000
LONGEST_MS = 300_000
HEADER = ["category", "views", "predict s", "write result s", "report s", "page MB", "load s", "defects"]


@dataclass(frozen=True)
class Arguments:
    """Measure what reports cost, and photograph them."""

    run: Path
    """A finished run of benchmarks.sim3d with ModMap."""
    categories: tuple[str, ...]
    """Of the run."""
    out: Path
    """Where results, pages and photographs go."""
    cache: tyro.conf.OmitArgPrefixes[CacheArguments]


def most_defective(run: Path, dataset: SiM3D, category: str) -> Scan:
    """The defective scan of a category that scored highest in a run, so that its page most likely lists a defect.

    Raises:
        ModMapError: there is no defective scan.
    """
    lines = [one for one in read_scan_lines(run / "scans.jsonl", category) if one["anomalous"]]
    if not lines:
        raise ModMapError(f"{run}: {category}: expected a defective scan, found none")
    name = max(lines, key=lambda line: float(line["score"]))["scan"]
    return next(one for one in dataset.tests(category) if one.name == name)


def cost(model: ModMap, scan: Scan, category: str, out: Path) -> list[str]:
    """One row of the table: a scan predicted, reported and opened.

    Args:
        model: Fitted, with no kept tokens.
        scan: Of the category.
        category: For the names of the photographs.
        out: Where its results, its page and the photographs of it are written.

    Raises:
        ModMapError: there is no browser.
    """
    # Loads the encoders, or what is taken from the nominal views, which is no part of a prediction.
    model.predict(scan.subset(scan.view_ids[:1]))
    started = time.perf_counter()
    result = model.predict(scan)
    predicted = time.perf_counter()
    place = out / scan.name
    defects = write_result(result, scan, place, model=model)
    written = time.perf_counter()
    (page,) = write_reports(place)
    reported = time.perf_counter()
    seconds = [predicted - started, written - predicted, reported - written]
    return [
        category,
        str(len(result.views)),
        *(f"{one:.1f}" for one in seconds),
        f"{page.stat().st_size / 1e6:.1f}",
        f"{photographed(page, out / category):.1f}",
        str(len(defects or ())),
    ]


def photographed(page: Path, beginning: Path) -> float:
    """Opens a page and photographs its states.

    Args:
        page: The report.
        beginning: Of the pictures' names.

    Returns:
        Seconds from asking for the page until the part in it was drawn.

    Raises:
        ModMapError: there is no browser.
    """
    with browser_page() as shown:
        started = time.perf_counter()
        shown.goto(page.resolve().as_uri())
        shown.wait_for_function(DRAWN)
        loaded = time.perf_counter() - started

        def photograph(state: str) -> None:
            shown.wait_for_timeout(SETTLED_MS)
            shown.screenshot(path=f"{beginning}_{state}.png")

        photograph("opened")
        slider = shown.locator("#threshold")
        slider.fill("0")
        photograph("slider_low")
        slider.press("End")
        photograph("slider_high")
        if shown.locator("tr.defect").count():
            shown.locator("tr.defect").first.click()
            photograph("defect_clicked")
    return loaded


@contextmanager
def browser_page() -> Iterator[Any]:
    """A page of headless Chromium.

    Raises:
        ModMapError: Chromium or playwright is missing.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise ModMapError(f"report_cost: expected playwright, found none: {error}") from None
    if chromium is None:
        raise ModMapError("report_cost: expected Chromium, found none: apt-get install chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            page = browser.new_page(viewport={"width": WINDOW[0], "height": WINDOW[1]})
            page.set_default_timeout(LONGEST_MS)
            yield page
        finally:
            browser.close()


def run(arguments: Arguments) -> int:
    """Measures category by category and prints each row as it comes, then the table."""
    out = arguments.out
    dataset = SiM3D(Path(read_run(arguments.run).root))
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for category in arguments.categories:
        model = ModMap.from_pretrained(
            arguments.run / category / "model", token_cache=arguments.cache.token_cache()
        )
        model.calibrate([scan for scan in dataset.tests(category) if scan.anomalous is False])
        with_thresholds = model.save_pretrained(out / f"{category}_model")
        scan = most_defective(arguments.run, dataset, category)
        rows.append(cost(ModMap.from_pretrained(with_thresholds), scan, category, out))
        print(markdown(HEADER, rows[-1:]), flush=True)
    table = markdown(HEADER, rows)
    write_text(out / "table.md", table + "\n")
    print(table)
    return 0


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.report_cost", words=words)
