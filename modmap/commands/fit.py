"""`modmap fit`: learn from nominal scans."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

from modmap.errors import UsageError
from modmap.types import PresetName

# Once with several, or several times, or both.
Assignments = Annotated[tuple[tuple[str, ...], ...], UseAppendAction, arg(metavar="KEY=VALUE...")]


def overrides_of(assignments: Iterable[Sequence[str]]) -> dict[str, Any]:
    """The settings that `--set` gave, all together, nested.

    Raises:
        ModMapError: an assignment without `=`.
    """
    from modmap.config import parse_assignments

    return parse_assignments([one for some in assignments for one in some])


def fit(
    train: Annotated[Positional[tuple[Path, ...]], arg(metavar="TRAIN_DIR...")],
    /,
    output: Annotated[Path, arg(aliases=["-o"], metavar="DIR")],
    preset: PresetName = "inspect",
    image_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    depth_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    size: Annotated[int | None, arg(metavar="PIXELS")] = None,
    epochs: Annotated[int | None, arg(metavar="N")] = None,
    voxel: Annotated[float | None, arg(metavar="MM")] = None,
    seed: Annotated[int | None, arg(metavar="N")] = None,
    device: str = "auto",
    set: Assignments = (),
    include_encoders: bool = False,
) -> int:
    """Keep nominal scans to compare others with, or learn the mappings on them, and save the model.

    A scan is N views, each a gray image (H, W), 8 or 16 bit, and a depth map (H, W) of planar z in millimetres, 0
    where nothing was measured; with a camera per view (K in pixels, T_world_to_camera in mm) for the 3D volume.
    A fit that was killed resumes when the same command is given again.

    Example: modmap fit good_part/ -o model/

    Args:
        train: A nominal scan; or several good ones, or directories of them, of which scans are laid on the first.
        output: Where to save the model.
        preset: inspect: compares scans with the nominal one, trains nothing. memory: looks for patches like none of
            several good parts', which may lie anyhow. fast: maps features at 448 px, ViT-S/14,
            minutes on a laptop. paper: 896 px, ViT-B/14, the paper's schedule.
        image_encoder: A name from `modmap encoders list`, local-dir:PATH or hf-hub:ORG/NAME. Any timm ViT.
        depth_encoder: The same for depth maps; one input channel, or three that are fed the depth three times.
        size: Side of the encoders' square input, pixels; snaps to whole patches.
        epochs: Passes over all N x N view pairs.
        voxel: Edge of a voxel, mm.
        seed: Of weights and order; the same seed gives the same model.
        device: auto, cpu, cuda, cuda:1, mps.
        set: Any other settings, e.g. mapping.cross_view=false inference.aggregation=mean.
        include_encoders: Put copies of the encoders into the model's directory.
    """
    from modmap.config import merged, parse_assignments
    from modmap.datasets import find_scans
    from modmap.detector.calibration_files import CALIBRATION_NAME
    from modmap.detector.model import ModMap
    from modmap.detector.model_files import require_place
    from modmap.files.places import require_writable
    from modmap.runs.fit import fit_and_save

    if not train:
        raise UsageError("fit: expected the directory of a nominal scan, found none")
    short = {"size": size, "training.epochs": epochs, "training.seed": seed, "inference.voxel": voxel}
    given = [f"{key}={value}" for key, value in short.items() if value is not None]
    settings = merged(overrides_of(set), parse_assignments(given))
    require_place(output)
    model = ModMap(
        preset, device=device, image_encoder=image_encoder, depth_encoder=depth_encoder, settings=settings
    )
    scans = [scan for directory in train for scan in find_scans(directory)]
    require_writable(output.resolve().parent)
    calibrated = (output / CALIBRATION_NAME).is_file()
    fit_and_save(model, scans, output, progress=sys.stderr.isatty(), include_encoders=include_encoders)
    trained = model.trained
    seconds = ", ".join(f"{step} {took:.0f} s" for step, took in trained.seconds.items())
    loss = f", loss {trained.losses[-1]:.4f}" if trained.losses else ""
    of_scans = f" of {len(scans)} scans, {scans[0].name} the first" if len(scans) > 1 else ""
    print(f"{output}: {len(trained.view_ids)} views{of_scans}{loss}, {seconds}")
    if calibrated:
        print(
            "The thresholds went with the model that they were set for: run modmap calibrate again for verdicts."
        )
    return 0
