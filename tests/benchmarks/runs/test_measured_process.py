"""Figures come back from a process of their own, or what it died of."""

from __future__ import annotations

import sys

import pytest

from benchmarks.runs.measured_process import measured
from modmap.errors import ModMapError


class TestMeasured:
    def test_measured__figures_among_other_lines(self) -> None:
        code = "from benchmarks.runs.measured_process import tell; print('step 1'); tell({'maps': 2.5}); print('done')"
        assert measured([sys.executable, "-c", code]) == {"maps": 2.5}

    def test_measured__none_told(self) -> None:
        with pytest.raises(ModMapError, match=r"expected figures, found .*out of memory"):
            measured([sys.executable, "-c", "raise SystemExit('out of memory')"])
