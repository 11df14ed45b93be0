"""Which packages are there: against what the package's own pyproject.toml asks for, and with some taken away."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

import modmap
from modmap.doctor.packages import WITHOUT, Package, extras, needed_packages

PYPROJECT = Path(modmap.__file__).with_name("pyproject.toml")


def _found(name: str) -> Package:
    return next(one for one in needed_packages() if one.name.lower() == name)


class TestNeededPackages:
    def test_needed__can_all_be_used_here(self) -> None:
        found = needed_packages()
        assert {"torch", "timm", "numpy", "opencv-python"} <= {one.name for one in found}
        for one in found:
            assert one.problem is None
            assert one.version == metadata.version(one.name)

    def test_needed__one_that_is_broken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "tifffile", None)
        problem = _found("tifffile").problem
        assert problem is not None
        assert problem.startswith(f"tifffile {metadata.version('tifffile')}: can't be imported: ")
        assert "\n" not in problem

    def test_needed__one_that_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def version(name: str) -> str:
            raise metadata.PackageNotFoundError(name)

        monkeypatch.setattr("modmap.doctor.packages.metadata.version", version)
        monkeypatch.setitem(sys.modules, "plyfile", None)
        assert _found("plyfile").problem == f"plyfile: expected {_found('plyfile').wanted}, found none"

    def test_needed__one_that_is_too_old(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("modmap.doctor.packages.metadata.version", lambda name: "0.0.1")
        assert _found("torch").problem == "torch: expected >=2.6, found 0.0.1"


class TestExtras:
    def test_extras__are_all_told_of(self) -> None:
        tomllib = pytest.importorskip("tomllib")
        project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
        assert set(WITHOUT) == set(project["optional-dependencies"]) - {"all"}

    def test_extras__have_their_packages(self) -> None:
        found = {one.name: one for one in extras()}
        assert [one.name for one in found["report"].packages] == ["k3d"]
        assert {one.name for one in found["pod"].packages} == {"k3d", "statsmodels"}

    def test_extras__without_a_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "statsmodels", None)
        unusable = {one.name for one in extras() if not one.usable}
        assert unusable == {"pod"}


def test_module__imports_the_standard_library_alone() -> None:
    """Or it couldn't tell of what is missing."""
    text = Path(sys.modules["modmap.doctor.packages"].__file__ or "").read_text(encoding="utf-8")
    names = {name.split(".")[0] for name in re.findall(r"^(?:from|import) (\S+)", text, re.MULTILINE)}
    assert names - set(sys.stdlib_module_names) == set()
