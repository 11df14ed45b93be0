"""Both packages build into wheels that hold what they need and nothing of each other."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
NOT_IN_A_WHEEL = (
    "LICENSE",
    "README.md",
    "pyproject.toml",
)  # they lie beside the code in the repository alone
EMBEDDED = "modmap/encoding/embedded_cnn/model.safetensors"


@pytest.mark.network
@pytest.mark.parametrize(
    ("folder", "needed", "command"),
    [
        (
            "modmap",
            [
                "modmap/detector/model.py",
                "modmap/datasets/plain.py",
                "modmap/report/page/scan.html",
                EMBEDDED,
            ],
            True,
        ),
        ("dino_depth", ["dino_depth/config.py", "dino_depth/configs/vits14.yaml"], False),
    ],
)
class TestWheel:
    def test_wheel__holds_its_package_alone(
        self, tmp_path: Path, folder: str, needed: list[str], command: bool
    ) -> None:
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--wheel-dir", str(tmp_path), str(ROOT / folder)], check=True)
        (wheel,) = tmp_path.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            entry_points = [name for name in names if name.endswith("entry_points.txt")]
        assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {folder}
        listed = subprocess.run(
            ["git", "ls-files", folder], cwd=ROOT, check=True, capture_output=True, text=True
        )
        tracked = set(listed.stdout.split()) - {f"{folder}/{name}" for name in NOT_IN_A_WHEEL}
        assert set(needed) | {f"{folder}/__init__.py", f"{folder}/py.typed"} <= tracked
        assert {name for name in names if ".dist-info/" not in name} == tracked
        assert any(name.endswith("licenses/LICENSE") for name in names)
        assert bool(entry_points) is command


class TestNeeds:
    @pytest.mark.parametrize("folder", ["modmap", "dino_depth"])
    def test_python__the_versions_are_said_alike(self, folder: str) -> None:
        """Those that are required, those that are classified, and those of the first page."""
        project = _project(folder)
        classified = [one.rpartition(" ")[2] for one in project["classifiers"] if ":: 3." in one]
        assert classified == ["3.10", "3.11", "3.12", "3.13"]
        allowed = SpecifierSet(project["requires-python"])
        assert [minor for minor in range(5, 20) if f"3.{minor}.0" in allowed] == [10, 11, 12, 13]
        assert "Python 3.10 to 3.13" in (ROOT / "README.md").read_text()

    def test_readme__says_why_of_every_dependency(self) -> None:
        named = {Requirement(one).name for one in _project("modmap")["dependencies"]}
        assert sorted(_told("package", r"^\| ([a-z0-9_, -]+) \| [^|]+ \|$")) == sorted(named)

    def test_readme__says_why_of_every_extra_s_packages(self) -> None:
        extras: dict[str, list[str]] = _project("modmap")["optional-dependencies"]
        named = [
            (Requirement(one).name, extra)
            for extra, packages in extras.items()
            for one in packages
            if extra != "all"
        ]
        rows = _rows(r"^\| ([A-Za-z0-9_-]+) \| ([a-z, -]+) \| [^|]+ \|$")
        told = [(name, extra) for name, several in rows if name != "package" for extra in several.split(", ")]
        assert sorted(told) == sorted(named)


def _rows(pattern: str) -> list[Any]:
    """What a pattern finds in the lines of modmap's page."""
    return re.findall(pattern, (ROOT / "modmap" / "README.md").read_text(), re.MULTILINE)


def _told(head: str, pattern: str) -> list[str]:
    return [name for row in _rows(pattern) for name in row.split(", ") if row != head]


def _project(folder: str) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    return project
