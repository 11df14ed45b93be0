"""`modmap figures`: the paper's pictures of one's own scans and results, and what speaks for a defect."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from modmap.errors import UsageError

SMALLEST, LARGEST = 28, 2**13  # of an encoder's input, pixels


def _require(command: str, output: Path, *, top: float | None = None) -> None:
    """Checks what a picture is to be drawn with, and where it goes.

    Raises:
        UsageError: the last colour's score is none, or the place can't be a directory.
    """
    from modmap.files.places import require_directory

    if top is not None and not 0 < top < math.inf:
        raise UsageError(f"{command}: --top: expected more than 0, found {top:g}")
    require_directory(output, what="pictures")


def features(
    scan: Annotated[Positional[Path], arg(metavar="SCAN_DIR")],
    /,
    encoders: Annotated[tuple[str, ...], arg(metavar="REF...")],
    output: Annotated[Path, arg(aliases=["-o"], metavar="OUT")],
    labels: Annotated[tuple[str, ...], arg(metavar="NAME...")] = (),
    image_encoder: Annotated[str | None, arg(metavar="REF")] = None,
    views: Annotated[tuple[str, ...], arg(metavar="ID...")] = (),
    size: Annotated[int, arg(metavar="PIXELS")] = 448,
    device: str = "auto",
) -> int:
    """Show what depth encoders make of the same views, side by side (Figs. 6 and 8): OUT/features.png.

    The first three principal components of an encoder's tokens of the part, over all views, are red, green and blue;
    the background is blank.

    Example: modmap figures features good_part/ --encoders dinov2_vits14 local-dir:my_encoder/ -o out/

    Args:
        scan: Directory of a scan.
        encoders: Depth encoders: names from `modmap encoders list`, local-dir:PATH, hf-hub:ORG/NAME.
        output: Where the picture goes.
        labels: What the encoders are called in the picture, in their order.
        image_encoder: Show the images too, and what this encoder makes of them.
        views: Ids of the views to show; by default at most 6, evenly spread.
        size: Side of the first encoder's square input; the others take as many tokens as it has.
        device: auto, cpu, cuda, cuda:1, mps.
    """
    if not encoders:
        raise UsageError("features: --encoders: expected at least one encoder, found none")
    if labels and len(labels) != len(encoders):
        raise UsageError(
            f"features: --labels: expected one for each of the {len(encoders)} encoders, found {len(labels)}"
        )
    if not SMALLEST <= size <= LARGEST:
        raise UsageError(
            f"features: --size: expected at least {SMALLEST} and at most {LARGEST}, found {size}"
        )
    _require("features", output)
    from modmap.datasets import load_scan
    from modmap.device import choose_device
    from modmap.figures.chosen_views import chosen_views
    from modmap.figures.features import feature_picture, named_encoders

    chosen = chosen_views(load_scan(scan), views)
    where = choose_device(device)
    loaded = named_encoders(encoders, labels, image_encoder, size=size, device=where)
    print(feature_picture(chosen, loaded, device=where).save(output / "features.png"))
    return 0


def pairs(
    model: Annotated[Positional[str], arg(metavar="MODEL")],
    scan: Annotated[Positional[Path], arg(metavar="SCAN_DIR")],
    /,
    output: Annotated[Path, arg(aliases=["-o"], metavar="OUT")],
    views: Annotated[tuple[str, ...], arg(metavar="ID...")] = (),
    top: Annotated[float | None, arg(metavar="DISTANCE")] = None,
    category: Annotated[str | None, arg(metavar="NAME")] = None,
    image_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    depth_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    device: str = "auto",
) -> int:
    """Show the maps of every pair of views before the minimum, and the minimum (Figs. 9 and 10).

    OUT/pairs_image.png and OUT/pairs_depth.png: a row a source view, a column a target view, the minimum over the
    sources in the last row, under one colour scale.

    Example: modmap figures pairs model/ new_part/ --views 00 03 06 -o out/

    Args:
        model: Directory of a model, or ORG/NAME on the Hugging Face hub.
        scan: Directory of a scan.
        output: Where the pictures go.
        views: Ids of the views to show; by default at most 6, evenly spread.
        top: Distance of the last colour; by default the largest.
        category: The class of the scan, for a multi-class model that can't tell from the scan.
        image_encoder: Where the image encoder is, if elsewhere than on the machine that trained.
        depth_encoder: Where the depth encoder is.
        device: auto, cpu, cuda, cuda:1, mps.
    """
    _require("pairs", output, top=top)
    from modmap.datasets import load_scan
    from modmap.detector.model import ModMap
    from modmap.figures.chosen_views import chosen_views
    from modmap.figures.pairs import pair_pictures

    fitted = ModMap.from_pretrained(
        model, device=device, image_encoder=image_encoder, depth_encoder=depth_encoder
    )
    chosen = chosen_views(load_scan(scan), views)
    pictures = pair_pictures(fitted, chosen, category=category, top=top, progress=sys.stderr.isatty())
    for modality, picture in pictures.items():
        print(picture.save(output / f"pairs_{modality}.png"))
    return 0


def qualitative(
    results: Annotated[Positional[tuple[Path, ...]], arg(metavar="RESULTS_DIR...")],
    /,
    output: Annotated[Path, arg(aliases=["-o"], metavar="OUT")],
    count: Annotated[int, arg(metavar="N")] = 3,
    only: Annotated[tuple[str, ...], arg(metavar="SCAN...")] = (),
    view: Annotated[str | None, arg(metavar="ID")] = None,
    scans: Annotated[Path | None, arg(metavar="DIR")] = None,
) -> int:
    """Show the clearest successes and failures: image, depth, ground truth, anomaly map, volume (Figs. 5 and 7).

    OUT/successes.png has defective scans that score above good ones; OUT/failures.png missed defects and false alarms.
    A scan is compared with those of the other label beside it, under one model. Without labels, or with --only,
    OUT/qualitative.png has the scans with the highest scores, or those named.

    Example: modmap figures qualitative results/ --count 3 -o out/

    Args:
        results: Where `modmap predict`, `modmap evaluate` or a benchmark wrote.
        output: Where the pictures go.
        count: At most so many scans found, so many missed and so many false alarms.
        only: Names of the scans to show, instead of choosing by score and label.
        view: Id of the view to show; by default, for each scan, the one that shows most of the defects, or else the
            largest score.
        scans: Where the scans are, if they are no longer where they were predicted from.
    """
    _require("qualitative", output)
    from modmap.figures.qualitative import qualitative_pictures
    from modmap.runs.failures import Failures

    failures = Failures()
    found = qualitative_pictures(results, count=count, only=only, view_id=view, scans=scans, failed=failures)
    for name, picture in found.pictures.items():
        print(picture.save(output / f"{name}.png"))
    for remark in found.remarks:
        print(remark)
    return 1 if failures else 0


def evidence(
    result: Annotated[Positional[Path], arg(metavar="RESULT_DIR")],
    /,
    output: Annotated[Path, arg(aliases=["-o"], metavar="OUT")],
    views: Annotated[tuple[str, ...], arg(metavar="ID...")] = (),
    scans: Annotated[Path | None, arg(metavar="DIR")] = None,
    top: Annotated[float | None, arg(metavar="SCORE")] = None,
) -> int:
    """Show what each kind of evidence says of a scan, beside the deviation of its surface: OUT/evidence.png.

    Example: modmap figures evidence results/new_part/ -o out/

    Args:
        result: What `modmap predict` wrote for a scan, by the preset inspect.
        output: Where the picture goes.
        views: Ids of the views to show; by default the three with the largest scores.
        scans: Where the scan is, if it is no longer where it was predicted from.
        top: Score of the last colour; by default the scan's, or a good part's where that is larger.
    """
    _require("evidence", output, top=top)
    from modmap.figures.evidence import evidence_picture

    print(evidence_picture(result, views=views, scans=scans, top=top).save(output / "evidence.png"))
    return 0


def defects(
    result: Annotated[Positional[Path], arg(metavar="RESULT_DIR")],
    /,
    output: Annotated[Path, arg(aliases=["-o"], metavar="OUT")],
    count: Annotated[int, arg(metavar="N")] = 12,
    scans: Annotated[Path | None, arg(metavar="DIR")] = None,
) -> int:
    """Show each defect of a scan: where it is, the nominal part there, this one, and by how many mm: OUT/defects.png.

    Example: modmap figures defects results/new_part/ -o out/

    Args:
        result: What `modmap predict` wrote for a scan, by a calibrated model.
        output: Where the picture goes.
        count: At most so many defects, those with the largest scores.
        scans: Where the scan is, if it is no longer where it was predicted from.
    """
    _require("defects", output)
    if count < 1:
        raise UsageError(f"defects: --count: expected at least 1, found {count}")
    from modmap.figures.defects import defects_picture

    print(defects_picture(result, most=count, scans=scans).save(output / "defects.png"))
    return 0


def figures() -> None:
    """Draw figures of your own data: `modmap figures features`, `pairs`, `qualitative`, `evidence` or `defects`.

    Example: modmap figures evidence results/new_part/ -o out/
    """
