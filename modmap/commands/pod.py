"""`modmap pod`: what a calibrated model would find on the part."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from modmap.errors import UsageError

Kinds = tuple[Literal["dent", "bump", "scratch", "chip", "hole", "stain"], ...]


def pod(
    model: Annotated[Positional[Path], arg(metavar="MODEL")],
    good_scans: Annotated[Positional[tuple[Path, ...]], arg(metavar="GOOD_DIR...")],
    /,
    output: Annotated[Path, arg(aliases=["-o"], metavar="DIR")],
    kinds: Kinds = ("dent", "bump", "scratch", "chip", "hole", "stain"),
    sizes: Annotated[str, arg(metavar="MM:MM")] = "0.5:20",
    count: Annotated[int, arg(metavar="N")] = 400,
    seed: Annotated[int, arg(metavar="N")] = 0,
    per_copy: Annotated[int, arg(metavar="N")] = 20,
    image_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    depth_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    device: str = "auto",
) -> int:
    """Find out how large a defect must be to be found, and where on the part.

    Defects of known size are put into good scans, on places drawn evenly over the surface that was measured, into every
    view that would see them, and the model is asked. OUTPUT/pod.json has the curve of each kind and the sizes found
    with 50% and 90% probability; smallest_dent.ply and .vti the smallest dent found with 90% at each place; report.html
    both, with the blind places. The model keeps pod.json too, and the reports of its predictions then say what it
    finds. What the study can't tell, as there are too few defects of a kind for a curve, or too few places for them, is
    said before anything is predicted. A study that was interrupted resumes when the same command is given again.

    Example: modmap pod model/ more_good_parts/ -o pod/ --kinds dent scratch --sizes 0.5:10

    Args:
        model: Directory of a calibrated model.
        good_scans: Good scans, or directories of them; of the training scan alone jittered copies are taken, which show
            no noise between two scans.
        output: Where the study goes.
        kinds: Of defects.
        sizes: Smallest and largest, mm.
        count: Defects of all kinds together.
        seed: Of sizes and places; the same seed gives the same study.
        per_copy: Defects, far apart, that are put into one copy of a good scan at most.
        image_encoder: Where the image encoder is, if elsewhere than on the machine that trained.
        depth_encoder: Where the depth encoder is.
        device: auto, cpu, cuda, cuda:1, mps.
    """
    from modmap.datasets import find_scans
    from modmap.detector.model import ModMap
    from modmap.pod.forecast import count_needed
    from modmap.pod.record import sentences, write_record
    from modmap.report.pod_page import write_pod_page
    from modmap.runs.pod import run_study
    from modmap.runs.pod_study import Study

    if not good_scans:
        raise UsageError("pod: expected the directory of a good scan, found none")
    if not model.is_dir():
        raise UsageError(f"pod: {model}: expected the directory of a model, found none")
    study = Study(kinds, _sizes(sizes), count, seed, per_copy)
    study.check()
    if count <= count_needed(kinds) - len(kinds):  # of every kind there is one too few, or more
        each = -(-count // len(kinds))
        raise UsageError(
            f"pod: count: expected {count_needed(kinds)} or more, of which each of {len(kinds)} kinds has the fewest "
            f"that a curve takes, found {count}, {each} of a kind: give more, or fewer --kinds"
        )
    fitted = ModMap.from_pretrained(
        model, device=device, image_encoder=image_encoder, depth_encoder=depth_encoder
    )
    scans = [scan for directory in good_scans for scan in find_scans(directory)]
    record = run_study(fitted, scans, output, study, progress=sys.stderr.isatty(), told=_tell)
    write_record(record, model)
    page = write_pod_page(output, record)
    for line in sentences(record):
        print(line)
    print(f"{page}: {page.stat().st_size / 1e6:.1f} MB")
    return 0


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _sizes(text: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise UsageError(
            f"pod: sizes: expected SMALLEST:LARGEST mm, such as 0.5:20, found {text!r}"
        ) from None
