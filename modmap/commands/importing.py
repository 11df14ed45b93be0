"""`modmap import`: a scan of what scanners and other programs store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


def import_scan(
    sources: Annotated[Positional[tuple[Path, ...]], arg(metavar="SOURCE [SOURCE ...]")],
    /,
    output: Annotated[Path, arg(aliases=["-o"], metavar="DIR")],
    unit: Annotated[str | None, arg(metavar="UNIT")] = None,
    poses: Annotated[Path | None, arg(metavar="FILE|SCAN_DIR")] = None,
    pose_unit: Annotated[str | None, arg(metavar="UNIT")] = None,
    images: Annotated[Path | None, arg(metavar="DIR")] = None,
    depth: Annotated[Path | None, arg(metavar="DIR")] = None,
    numbered: bool = False,
    frames: Annotated[tuple[int, ...], arg(metavar="N [N ...]")] = (),
    topics: Annotated[tuple[str, ...], arg(metavar="DEPTH IMAGE")] = (),
) -> int:
    """Make a scan of organised point clouds (PCD, PLY, ZDF, E57), a depth camera's recording, or a COLMAP model.

    A view is a file, one of the scans of an E57 file, or a frame of a recording (a ROS 1 bag, as RealSense's viewer
    writes it). A cloud's camera is found from its points: one that no pinhole camera sees is refused. Needs
    `pip install 'modmap[pointclouds]'`, and `modmap[rosbag]` for recordings; PLY and COLMAP need nothing more.

    Example: modmap import part_7/*.pcd --unit m --poses poses.txt --pose-unit m -o scans/part_7

    Args:
        sources: The files in the views' order, a folder of them, a recording, or the folder of a COLMAP model as text.
        output: Where the scan is written.
        unit: Of the clouds or the depth maps: m, mm, 0.1mm or millimetres per unit. ZDF and E57 files say theirs.
        poses: A text file with a camera-to-world matrix a line, 16 numbers row by row, in the views' order; or a scan
            whose views of the same names have the same poses.
        pose_unit: Of that file's translations. Of a COLMAP model: measured by the depth where it isn't given.
        images: A folder with a photograph for each view, pixel for pixel, called as the view or as a COLMAP model says.
        depth: A folder with a depth map for each photograph of a COLMAP model, called as it.
        numbered: Call views 00, 01 and so on. By default they are called as their files, which must then be alike in
            every scan.
        frames: Of a recording, the numbers of the depth images that are to be views, from 0.
        topics: Of a recording, where several could be meant.
    """
    from modmap.datasets.plain import write_views
    from modmap.errors import UsageError
    from modmap.files.places import require_directory, require_free
    from modmap.importing.scan_import import ImportChoices, import_views

    if not sources:
        raise UsageError("import: expected at least one file or folder, found none")
    require_directory(output, what="a scan")
    require_free(output)
    choices = ImportChoices(
        unit=_millimetres(unit, "--unit"),
        poses=poses,
        pose_unit=_millimetres(pose_unit, "--pose-unit"),
        images=images,
        depth=depth,
        numbered=numbered,
        frames=frames,
        topics=topics,
    )
    made = import_views(sources, choices)
    write_views(made.views, output, name=output.resolve().name, content={})
    for note in made.notes:
        print(f"note: {note}")
    print(
        f"{output}: {len(made.views)} view{'s' * (len(made.views) > 1)}; modmap check {output} says whether they agree"
    )
    return 0


def _millimetres(word: str | None, option: str) -> float | None:
    """Millimetres per unit of a unit's name or a number."""
    from modmap.datasets.units import NAMED_UNITS, millimetres_per_unit
    from modmap.errors import UsageError

    if word is None:
        return None
    try:
        number: str | float = word if word in NAMED_UNITS else float(word)
    except ValueError:
        number = word
    try:
        return millimetres_per_unit(number)
    except ValueError as error:
        raise UsageError(f"{option}: {error}, found {word!r}") from None
