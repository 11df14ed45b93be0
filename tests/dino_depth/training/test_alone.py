"""One run at a time in a directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from accelerate import Accelerator

from dino_depth.atomic import BusyError, held
from dino_depth.training.alone import alone


class TestAlone:
    def test_alone__a_second_run_is_told(self, tmp_path: Path) -> None:
        accelerator = Accelerator(cpu=True)
        with (
            held(tmp_path),
            pytest.raises(BusyError, match=rf"^{tmp_path}: another .*\(process {os.getpid()} on .*\)"),
            alone(tmp_path, accelerator),
        ):
            pass
        with alone(tmp_path, accelerator):
            assert [path.name for path in tmp_path.iterdir()] == [".in-use"]
        assert list(tmp_path.iterdir()) == []
