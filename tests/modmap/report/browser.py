"""Driving the real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

FLAGS = ["--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SIZE = {"width": 1400, "height": 1000}


class Watched:
    """A page of the browser, and what happened on it.

    Attributes:
        page: Playwright's page.
        errors: Console errors and uncaught exceptions.
        requests: Addresses asked for, the page itself left out.
    """

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self._said(message))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._asked(request.url, address))

    def picture(self, selector: str) -> np.ndarray:
        """(H, W, 3) uint8 screenshot of an element."""
        data = self.page.locator(selector).screenshot()
        return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))

    def _said(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _asked(self, url: str, address: str) -> None:
        # Data and blob addresses lie in the page itself.
        if url != address and not url.startswith(("data:", "blob:", "about:")):
            self.requests.append(url)


class Browsers:
    """Headless Chromium, with and without WebGL, begun when first asked for; skips the test where there is none."""

    def __init__(self) -> None:
        self._driver: Any = None
        self._begun: dict[bool, Any] = {}

    def browser(self, *, webgl: bool) -> Any:
        """Playwright's browser."""
        playwright = pytest.importorskip("playwright.sync_api")
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        if chromium is None:
            pytest.skip("no Chromium: apt-get install chromium")
        if self._driver is None:
            self._driver = playwright.sync_playwright().start()
        if webgl not in self._begun:
            flags = FLAGS if webgl else [*FLAGS, "--disable-3d-apis"]
            self._begun[webgl] = self._driver.chromium.launch(executable_path=chromium, args=flags)
        return self._begun[webgl]

    def close(self) -> None:
        """Ends all."""
        for browser in self._begun.values():
            browser.close()
        if self._driver is not None:
            self._driver.stop()


@contextmanager
def opened(path: Path, *, webgl: bool = True, browsers: Browsers | None = None) -> Iterator[Watched]:
    """Opens a file in headless Chromium; skips the test, saying why, where there is none.

    Args:
        path: The file.
        webgl: Whether the browser can draw in 3D.
        browsers: That several tests share; None: one for this page.
    """
    given = Browsers() if browsers is None else browsers
    try:
        context = given.browser(webgl=webgl).new_context(viewport=SIZE)
        try:
            page = context.new_page()
            page.set_default_timeout(120_000)
            watched = Watched(page, path.resolve().as_uri())
            page.goto(path.resolve().as_uri())
            yield watched
        finally:
            context.close()
    finally:
        if browsers is None:
            given.close()
