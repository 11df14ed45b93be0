"""`modmap predict`: score scans."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

Formats = tuple[Literal["npz", "ply", "vti"], ...]


def predict(
    model: Annotated[Positional[str], arg(metavar="MODEL")],
    scans: Annotated[Positional[tuple[Path, ...]], arg(metavar="DIR...")],
    /,
    output: Annotated[Path, arg(aliases=["-o"], metavar="DIR")],
    formats: Formats = ("npz", "ply", "vti"),
    overlays: bool = True,
    category: Annotated[str | None, arg(metavar="NAME")] = None,
    image_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    depth_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    device: str = "auto",
    resume: bool = False,
    fail_on_defect: bool = False,
    nominal: Annotated[Path | None, arg(metavar="DIR")] = None,
) -> int:
    """Score scans; write each one's summary, defects, overlays and anomaly volume to OUTPUT/SCAN/.

    summary.json has the score (high is anomalous: with `fast` in multiples of what good parts show at the same place,
    with `paper` a cosine distance in [0, 2]), the verdict where the model is calibrated, each view's maxima and where
    in the part the worst voxel is (mm). defects.json and defects.csv list the defects of a calibrated model. Overlays
    share one colour scale per scan. The volume is (X, Y, Z) float32 scores, NaN where no view saw the voxel. Scans
    without cameras get maps and a score, and no volume.

    Example: modmap predict model/ new_part_1/ new_part_2/ -o out/ --fail-on-defect

    Args:
        model: Directory of a model, or ORG/NAME on the Hugging Face hub.
        scans: Scans, or directories of scans.
        output: Where the results go.
        formats: Of the volume: npz for NumPy, ply for CloudCompare, vti for ParaView.
        overlays: Write a picture of every view.
        category: The class of the scans, for a multi-class model that can't tell from the scans.
        image_encoder: Where the image encoder is, if elsewhere than on the machine that trained.
        depth_encoder: Where the depth encoder is.
        device: auto, cpu, cuda, cuda:1, mps.
        resume: Leave out the scans that this model, with these thresholds, has already done in OUTPUT, as long as what
            is asked for, their labels and their files, and the nominal scan's, are the same.
        fail_on_defect: For a line's controller: exit with 0 if every scan passed, 3 if at least one failed, 4 if none
            failed but too little of at least one was seen, 1 if a scan couldn't be scored, 2 if the command was used
            wrongly or the model isn't calibrated.
        nominal: A good scan from the same viewpoints, such as the training scan: defects then also get a depth, how far
            the surface lies from the nominal one along its normal (mm).
    """
    from modmap.runs.predict import predict_directories

    return predict_directories(
        model,
        scans,
        output=output,
        formats=formats,
        overlays=overlays,
        category=category,
        encoders=(image_encoder, depth_encoder),
        device=device,
        resume=resume,
        fail_on_defect=fail_on_defect,
        nominal=nominal,
    )
