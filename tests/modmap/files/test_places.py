"""Places that may be written to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modmap.errors import ModMapError
from modmap.files.places import require_free, require_writable


class TestRequireFree:
    def test_require_free__new_empty_or_with_what_is_ours_alone(self, tmp_path: Path) -> None:
        require_free(tmp_path / "new")
        require_free(tmp_path)
        (tmp_path / ".partial-0123456789ab-a").touch()
        (tmp_path / ".in-use").touch()
        require_free(tmp_path)

    def test_require_free__in_use(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for place in (tmp_path, tmp_path / "file"):
            with pytest.raises(ModMapError, match="expected a new or empty directory"):
                require_free(place)
        with pytest.raises(ModMapError, match="expected a directory to write to, found a file"):
            require_free(tmp_path / "file", replaces="done")


class TestRequireWritable:
    def test_require_writable__leaves_the_directory_alone(self, tmp_path: Path) -> None:
        require_writable(tmp_path / "deep" / "new")
        assert not list((tmp_path / "deep" / "new").iterdir())

    def test_require_writable__below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ModMapError, match="file/out: cannot be written to: Not a directory"):
            require_writable(tmp_path / "file" / "out")

    @pytest.mark.skipif(os.geteuid() == 0, reason="to root, all can be written")
    def test_require_writable__read_only(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(ModMapError, match="cannot be written to: Permission denied"):
            require_writable(tmp_path)
