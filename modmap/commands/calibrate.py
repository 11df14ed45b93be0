"""`modmap calibrate`: thresholds from good scans."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from modmap.errors import ModMapError, UsageError


def calibrate(
    model: Annotated[Positional[Path], arg(metavar="MODEL")],
    good_scans: Annotated[Positional[tuple[Path, ...]], arg(metavar="GOOD_DIR...")],
    /,
    false_alarm_rate: Annotated[float | None, arg(metavar="RATE")] = None,
    surface_share: Annotated[float, arg(metavar="SHARE")] = 0.001,
    image_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    depth_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    device: str = "auto",
) -> int:
    """Set a model's thresholds from good scans, so that `modmap predict` says pass or fail.

    A new good part fails with probability RATE at most, whatever the scores' distribution, as long as it is like the
    good scans. A rate needs 1 / RATE - 1 good scans: 19 for 0.05, 99 for 0.01. With the training scan alone the
    thresholds are an estimate and no guarantee: a multiple of what it lets a good part show, or where the model maps
    features, taken from copies of it that lie a little differently, or where the model keeps none, from its views, each
    mapped from the others. The thresholds are kept in the model, as calibration.json. A good scan that can't be used is
    named and left out, and the exit status is 1; the rate then needs as many of the others.

    Example: modmap calibrate model/ more_good_parts/ --false-alarm-rate 0.05

    Args:
        model: Directory of a model.
        good_scans: Good scans, or directories of them, that the model wasn't trained on; or the training scan.
        false_alarm_rate: Between 0 and 1. By default 0.05, or the lowest that so few scans can hold.
        surface_share: How much of a good part's surface may lie over the pixel's and the voxel's thresholds, which
            outline defects.
        image_encoder: Where the image encoder is, if elsewhere than on the machine that trained.
        depth_encoder: Where the depth encoder is.
        device: auto, cpu, cuda, cuda:1, mps.
    """
    from modmap.datasets import find_scans
    from modmap.detector.calibration_files import write_calibrations
    from modmap.detector.model import ModMap
    from modmap.detector.model_files import CONFIG_NAME
    from modmap.files.renewal import finish, kept, stamp
    from modmap.runs.failures import Failures

    if not good_scans:
        raise UsageError("calibrate: expected the directory of a good scan, found none")
    if not model.is_dir():
        raise UsageError(f"calibrate: {model}: expected the directory of a model, found none")
    finish(model)
    calibrated = stamp(model / CONFIG_NAME)
    fitted = ModMap.from_pretrained(
        model, device=device, image_encoder=image_encoder, depth_encoder=depth_encoder, recalibrate=True
    )
    failures = Failures()
    scans = [scan for directory in good_scans for scan in find_scans(directory, failed=failures)]
    fitted.calibrate(
        scans,
        false_alarm_rate=false_alarm_rate,
        surface_share=surface_share,
        progress=sys.stderr.isatty(),
        failed=failures,
    )
    with kept(model):
        if stamp(model / CONFIG_NAME) != calibrated:
            raise ModMapError(
                f"{model}: expected the model as it was when its calibration began, found one that another process has "
                "written meanwhile: calibrate it again"
            )
        write_calibrations(model, fitted.calibrations, model=fitted.fingerprint)
    for category, found in fitted.calibrations.items():
        print(f"{model}: {category + ': ' if category else ''}{found.describe()}")
    return 1 if failures else 0
