"""How many pages of a TIFF are looked at: a damaged one may have no end of them."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import tifffile

from modmap.files.containers import ContainerError
from modmap.files.tiff_container import MOST_PAGES, tiff_page

# Found by fuzzing: its directories go on and on for a parser that follows them.
ENDLESS = """
SUkqAAgAAAAPAAABBAABAAAAEAAAAAEBBAAEAAEAAAAQAAAAAQEEAAEAAAAMAAAAAgEDAAMAAADCAAAAAwEDAAEAAA
ABAAAABgEDAAEAAAACAAAAAAACAQMAAwAAAMIAAAADAQMAAQAAAAEAAAAGAQMAAQAAAAIAAAAVAQMAAQAAAAMAAAAa
AQUAAQAAAMgAAAAbAQUAAQAAHAEDAAEAAAABAAAAKAEDAAGG1OpmuRcAAAABAABCAQQAAQAAABAAAABDAQQAAQAAAB
AAAABEAQQAAQAAQPAAAAAACAAIAAgA
"""


def _pages(count: int) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for _ in range(count):
            writer.write(np.zeros((4, 6), np.uint8), photometric="minisblack", contiguous=False)
    return file.getvalue()


class TestTiffPage:
    @pytest.mark.timeout(30)
    def test_tiff_page__no_end_of_pages(self) -> None:
        with pytest.raises(ContainerError, match=f"^expected one page, found more than {MOST_PAGES}: save"):
            tiff_page(base64.b64decode(ENDLESS))

    @pytest.mark.parametrize(
        ("count", "found"), [(2, "2"), (MOST_PAGES, "64"), (MOST_PAGES + 1, "more than 64")]
    )
    def test_tiff_page__many(self, count: int, found: str) -> None:
        with pytest.raises(ContainerError, match=f"^expected one page, found {found}: save"):
            tiff_page(_pages(count))

    def test_tiff_page__one(self) -> None:
        assert tiff_page(_pages(1)).shape == (4, 6)
