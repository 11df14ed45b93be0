"""`modmap nominal`: a training scan of a CAD part."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg


def nominal(
    part: Annotated[Positional[Path], arg(metavar="PART")],
    /,
    like: Annotated[Path, arg(metavar="SCAN_DIR")],
    output: Annotated[Path, arg(aliases=["-o"], metavar="DIR")],
    unit: Literal["mm", "cm", "m", "inch"],
    placed: bool = False,
) -> int:
    """Make a training scan of a part as it is drawn, seen by the cameras of a real scan.

    The part is laid on the surface that the scan shows, and its depth is what those cameras would measure; its image
    is shaded by how the surface lies, without grain or gloss. A model that is fitted to it finds what geometry shows;
    of the images it learns little. The scan may be of a defective part. Needs `pip install 'modmap[cad]'`.

    Example: modmap nominal part.stl --like good_part/ --unit mm -o nominal/

    Args:
        part: STL, PLY or OBJ; or STEP, where build123d is installed.
        like: A scan of such a part, with a camera for every view.
        output: Where the scan is written.
        unit: Of the file's lengths, which STL, PLY and OBJ don't say; mm of a STEP file, which does.
        placed: The part is drawn where it lies in the scan's world: don't lay it.
    """
    from modmap.cad.nominal_scan import nominal_scan
    from modmap.datasets import load_scan
    from modmap.datasets.plain import write_views
    from modmap.files.places import require_directory, require_free

    require_directory(output, what="a scan")
    require_free(output)
    scan = load_scan(like)
    made = nominal_scan(part, scan, unit=unit, placed=placed, progress=sys.stderr.isatty())
    content = (
        {"anomalous": False} if scan.category is None else {"category": scan.category, "anomalous": False}
    )
    write_views(made.views, output, name=output.resolve().name, content=content, rendered=scan.view_ids)
    for note in made.notes:
        print(f"note: {note}")
    size = " x ".join(f"{edge:.1f}" for edge in made.size)
    where = "as it is drawn" if placed else "laid on the scan"
    place = made.placement
    if place.residual is not None and place.overlap is not None:
        where += (
            f", {place.residual:.2f} mm from its surface (median), {place.overlap:.0%} of what is seen on it"
        )
    print(f"{output}: {len(made.views)} views of a part of {size} mm, {where}")
    return 0
