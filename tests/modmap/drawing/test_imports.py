"""What draws knows nothing of pages, and drawing nothing of figures, of data sets or of what lies on disk."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.iter_modules(package.__path__):
    importlib.import_module(f"{package.__name__}.{module.name}")
print(*sorted({".".join(name.split(".")[:2]) for name in sys.modules if name.startswith("modmap.")}))
"""


@pytest.mark.parametrize(
    ("package", "unknown"),
    [
        ("modmap.drawing", {"modmap.report", "modmap.figures", "modmap.runs", "modmap.datasets"}),
        ("modmap.figures", {"modmap.report"}),
    ],
)
def test_package__loads_none_of_those_that_use_it(package: str, unknown: set[str]) -> None:
    run = subprocess.run([sys.executable, "-c", LOADED, package], check=True, capture_output=True, text=True)
    loaded = set(run.stdout.split())
    assert package in loaded
    assert not loaded & unknown
