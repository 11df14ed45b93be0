"""`modmap evaluate`: fit, predict and measure."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from modmap.commands.fit import Assignments, overrides_of
from modmap.types import PresetName


def evaluate(
    directory: Annotated[Positional[Path], arg(metavar="DIR")],
    /,
    output: Annotated[Path, arg(aliases=["-o"], metavar="OUT")],
    train: Annotated[Path | None, arg(metavar="DIR")] = None,
    preset: PresetName = "inspect",
    image_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    depth_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    size: Annotated[int | None, arg(metavar="PIXELS")] = None,
    device: str = "auto",
    set: Assignments = (),
    overlays: bool = True,
    cache: Annotated[Path | None, arg(metavar="DIR")] = None,
    cache_gb: float = 20.0,
) -> int:
    """Fit on the nominal scan of a directory, predict its other scans, and print how well the defects are found.

    Labels (`"anomalous"` in scan.json) give I-AUROC and average precision over scans; ground truth (`"ground_truth"`,
    an .npz with mask (X, Y, Z), origin and voxel in mm) gives V-AUPRO. Both are optional. The same command resumes
    where an earlier one was stopped. A test scan that can't be used is named and left out, and the exit status is 1.

    Example: modmap evaluate parts/ -o results/ --train parts/good_part/

    Args:
        directory: Scans below one directory, or a category in SiM3D's layout.
        output: Where the model, every scan's result, results.json and scans.jsonl go.
        train: The nominal scan; by default the one in a folder called train, or SiM3D's <category>_real.
        preset: As in `modmap fit`.
        image_encoder: As in `modmap fit`.
        depth_encoder: As in `modmap fit`.
        size: Side of the encoders' square input, pixels; snaps to whole patches.
        device: auto, cpu, cuda, cuda:1, mps.
        set: Any other settings, e.g. mapping.cross_view=false.
        overlays: Write pictures, and volumes for viewers.
        cache: Keep tokens, and what is computed of them, here between runs.
        cache_gb: Gigabytes that they may take.
    """
    from modmap.config import merged
    from modmap.detector.model import ModMap
    from modmap.encoding.token_cache import TokenCache
    from modmap.runs.evaluate import evaluate_directory
    from modmap.runs.failures import Failures

    failures = Failures()
    token_cache = None if cache is None else TokenCache(cache, limit_gb=cache_gb)
    settings = merged(overrides_of(set), {} if size is None else {"size": size})

    def make_model() -> ModMap:
        return ModMap(
            preset,
            device=device,
            image_encoder=image_encoder,
            depth_encoder=depth_encoder,
            settings=settings,
            token_cache=token_cache,
        )

    found = evaluate_directory(
        directory,
        output,
        make_model=make_model,
        train=train,
        pictures=overlays,
        progress=sys.stderr.isatty(),
        failed=failures,
    )
    for name, value in found.row().items():
        if isinstance(value, float):
            print(f"{name}: {value:.4f}")
    for note in found.notes:
        print(note)
    return 1 if failures else 0
