"""SiM3D on disk: `<class>/<class>_real`, `<class>/<class>_synth`, `<class>/<class>_NN[_bad]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from modmap.datasets.cameras import find_cameras
from modmap.datasets.plain import SCAN
from modmap.datasets.units import typical_depth
from modmap.errors import ModMapError
from modmap.files.validated_json import did_you_mean
from modmap.scan import Finding, Scan, View

CATEGORIES = (
    "plastic_stool",
    "rubbish_bin",
    "wicker_vase",
    "bathroom_forniture",
    "container",
    "plastic_vase",
    "sink_cabinet",
    "wooden_stool",
)
TRAINING = ("real", "synth")
GROUND_TRUTH = "gt.npz"
TEST_NAME = re.compile(r"\d+(_.*)?")
CATEGORY_OF_NAME = re.compile(r"(?P<category>.+)_(?P<rest>real|synth|\d+(_bad)?)")


@dataclass(frozen=True)
class Layout:
    """How one kind of scan directory names its files.

    Attributes:
        depth: Folder of the depth maps.
        depth_ending: How a depth map's name ends.
        image: Folder of the images.
        rendered: A renderer wrote it: the depth's maximum is the background.
    """

    depth: str
    depth_ending: str
    image: str
    rendered: bool


IMAGE_ENDING = "_2.png"
SCANNED = Layout(depth="depth", depth_ending=".npy", image="rgb", rendered=False)
RENDERED = Layout(depth="DEPTH", depth_ending="_depth.exr", image="RGB", rendered=True)


class SiM3D:
    """The benchmark's scans, opened one by one.

    Any directory of the same shape counts as a category, so that simulated sets with other parts can be read.

    Args:
        root: The directory of the categories.

    Raises:
        ModMapError: there is no such directory, or no category in it.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise ModMapError(f"{self.root}: expected the directory of SiM3D's categories, found none")
        present = {path.name for path in _directories(self.root) if is_category(path)}
        others = sorted(present.difference(CATEGORIES), key=natural_key)
        self.categories: tuple[str, ...] = (*(name for name in CATEGORIES if name in present), *others)
        if not self.categories:
            raise ModMapError(
                f"{self.root}: expected a directory per category, such as container/container_real, "
                f"found {_names(self.root)}"
            )

    def train(self, category: str, setup: Literal["real", "synth"] = "real") -> Scan:
        """The one nominal training scan of a category.

        Raises:
            ModMapError: the category or the set-up is not there, or its scan cannot be used.
        """
        if setup not in TRAINING:
            raise ModMapError(f"setup: expected real or synth, found {setup!r}")
        directory = self._category(category) / f"{category}_{setup}"
        if not directory.is_dir():
            raise ModMapError(f"{directory}: expected the {setup} training scan of {category}, found none")
        return read_sim3d(directory)

    def tests(self, category: str, *, failed: Callable[[str], None] | None = None) -> list[Scan]:
        """The test scans of a category, nominal and anomalous, in the order of their names.

        Args:
            category: Its name.
            failed: Called with a line on each scan that cannot be used, which is left out; None: it is an error.

        Raises:
            ModMapError: the category is not there, or, without `failed`, a scan cannot be used.
        """
        scans = []
        for path in _test_directories(self._category(category)):
            try:
                scans.append(read_sim3d(path))
            except (ModMapError, OSError) as error:
                if failed is None:
                    raise
                failed(str(error))
        return scans

    def _category(self, category: str) -> Path:
        if category not in self.categories:
            nearest = did_you_mean(category, self.categories)
            raise ModMapError(f"{self.root}: no category {category!r}{nearest}")
        return self.root / category


def layout_of(directory: Path) -> Layout | None:
    """The layout of a scan directory, or None where it is not one of SiM3D's."""
    # Names are compared, not opened: some file systems take depth and DEPTH for the same.
    names = {path.name for path in _directories(directory)}
    return next((kind for kind in (SCANNED, RENDERED) if {kind.depth, kind.image} <= names), None)


def read_sim3d(directory: Path) -> Scan:
    """Opens one scan directory.

    Raises:
        ModMapError: it lacks its folders or files, there are not as many images as depth maps, or its
            calibration cannot be used.
    """
    layout = layout_of(directory)
    if layout is None:
        raise ModMapError(
            f"{directory}: expected folders depth and rgb (or DEPTH and RGB), found {_names(directory)}"
        )
    findings: list[Finding] = []
    depth_files = _files(directory / layout.depth, layout.depth_ending, findings)
    image_files = _files(directory / layout.image, IMAGE_ENDING, findings)
    if len(depth_files) != len(image_files):
        raise ModMapError(
            f"{directory}: expected an image for every depth map, found {len(image_files)} "
            f"{layout.image}/*{IMAGE_ENDING} and {len(depth_files)} {layout.depth}/*{layout.depth_ending}"
        )
    findings.append(_pairing(directory, layout, depth_files, image_files))
    category, rest = _parsed_name(directory)
    ids = [f"{index:0{max(2, len(str(len(depth_files) - 1)))}d}" for index in range(len(depth_files))]
    found = find_cameras(
        _camera_places(directory, category),
        ids,
        measure_depth=lambda: typical_depth(depth_files, far_is_background=layout.rendered),
    )
    findings.extend(found.findings)
    views = [
        View(
            id=view_id,
            image=image,
            depth=depth,
            camera=found.cameras.get(view_id),
            depth_unit=found.depth_unit,
            far_is_background=layout.rendered,
            camera_looked_for=found.looked_for,
        )
        for view_id, image, depth in zip(ids, image_files, depth_files, strict=True)
    ]
    anomalous = None if rest is None else "bad" in rest
    return Scan(
        name=directory.resolve().name,
        views=views,
        category=category,
        anomalous=anomalous,
        ground_truth=_ground_truth(directory, anomalous, findings),
        root=directory,
        findings=tuple(findings),
    )


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key by which 2 comes before 10, and otherwise the order of the names."""
    parts = re.split(r"(\d+)", name)
    return tuple((int(part), part) if part.isdecimal() else (-1, part) for part in parts)


def _directories(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    try:
        children = [path for path in directory.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except PermissionError:  # such as a file system's lost+found: whoever asks for scans is told
        return []
    return sorted(children, key=lambda path: natural_key(path.name))


def _names(directory: Path) -> str:
    names = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []
    return ", ".join(names[:10]) + (" ..." if len(names) > 10 else "") or "nothing"


def is_category(directory: Path) -> bool:
    """Whether a directory is one of a category: it has a training scan or test scans under its own name.

    Scans with a `scan.json` aren't, whatever they are called.
    """
    directory = directory.resolve()
    names = [path.name for path in _directories(directory) if not (path / SCAN).is_file()]
    return any(name in names for name in (f"{directory.name}_{setup}" for setup in TRAINING)) or bool(
        _test_directories(directory)
    )


def _test_directories(category: Path) -> list[Path]:
    prefix = f"{category.name}_"
    found = []
    for path in _directories(category):
        rest = path.name.removeprefix(prefix)
        if not path.name.startswith(prefix) or rest in TRAINING or (path / SCAN).is_file():
            continue
        # A numbered directory is a test scan, and an error where it is broken; a folder of CAD files is not.
        if TEST_NAME.fullmatch(rest) or layout_of(path) is not None:
            found.append(path)
    return found


def _files(folder: Path, ending: str, findings: list[Finding]) -> list[Path]:
    names = [path.name for path in folder.iterdir() if path.name.endswith(ending) and path.is_file()]
    names = [name.removesuffix(ending) for name in names if not name.startswith(".")]
    if not names:
        raise ModMapError(f"{folder}: expected files *{ending}, found {_names(folder)}")
    by_number = sorted(names, key=natural_key)
    if by_number != sorted(names):
        reason = "by number (2 before 10), because the names are not zero-padded"
        findings.append(Finding("guessed", f"order of {folder.name}/*{ending}: {reason}"))
    return [folder / f"{name}{ending}" for name in by_number]


def _pairing(directory: Path, layout: Layout, depths: Sequence[Path], images: Sequence[Path]) -> Finding:
    pattern = f"{layout.image}/*{IMAGE_ENDING} with {layout.depth}/*{layout.depth_ending}"
    text = f"{directory}: {len(depths)} views, {pattern}"
    for depth, image in zip(depths, images, strict=True):
        if depth.name.removesuffix(layout.depth_ending) != image.name.removesuffix(IMAGE_ENDING):
            reason = f"paired by position, because names differ: {image.name} with {depth.name}"
            return Finding("guessed", f"{text}, {reason}")
    return Finding("found", text)


def _parsed_name(directory: Path) -> tuple[str | None, str | None]:
    """(category, what follows it in the scan's name), as far as the name tells."""
    directory = directory.resolve()
    if directory.name.startswith(f"{directory.parent.name}_"):
        return directory.parent.name, directory.name.removeprefix(f"{directory.parent.name}_")
    match = CATEGORY_OF_NAME.fullmatch(directory.name)
    return (match["category"], match["rest"]) if match else (None, None)


def _camera_places(directory: Path, category: str | None) -> list[Path]:
    """The scan's directory, its category's, and the root; above a stray scan only its parent."""
    parents = directory.resolve().parents
    return [directory, *parents[: 2 if parents[0].name == category else 1]]


def _ground_truth(directory: Path, anomalous: bool | None, findings: list[Finding]) -> Path | None:
    path = directory / GROUND_TRUTH
    if path.is_file():
        findings.append(Finding("found", f"ground truth: {path}"))
        return path
    if anomalous:
        findings.append(Finding("missed", f"ground truth: looked for {path}"))
    return None
