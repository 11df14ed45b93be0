"""Both packages build into wheels that hold what they need and nothing of each other."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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
