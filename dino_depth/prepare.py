"""Raw data sets to one corpus of depth maps: `python -m dino_depth.prepare`."""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from dino_depth.arrays import Array
from dino_depth.atomic import held
from dino_depth.data.corpus import Row, depth_row
from dino_depth.data.corpus_writer import CorpusWriter, Damaged, ShardCounts
from dino_depth.data.sources.catalogue import NAMES, SPLITS, Choices, open_source
from dino_depth.data.sources.reading import Reader, reader, silence_opencv
from dino_depth.data.sources.shrink import shrink
from dino_depth.data.sources.source import Item, Source
from dino_depth.errors import DinoDepthError, refused

if TYPE_CHECKING:
    from dino_depth.data.pseudo_depth import PseudoDepth

ITEMS_A_SHARD = 128
PSEUDO_MODEL = "depth-anything/Depth-Anything-V2-Small-hf"
DESCRIPTION = "Make one corpus of depth maps of raw data sets. A run that was stopped resumes where it was."


@dataclass(frozen=True)
class Arguments:
    """What to prepare.

    Attributes:
        out: Directory of the corpus.
        sources: Name and directory of each data set, in the order in which they are stored.
        choices: What of them is read.
        longest_side: Of the stored maps, in pixels; 0 keeps their size.
        workers: Processes that read.
        pseudo_model: Depth model for sets of images: an id on the hub, or a directory.
        device: Where it runs; `auto`: the GPU if there is one.
        batch: Images a batch of it.
    """

    out: Path
    sources: tuple[tuple[str, Path], ...]
    choices: Choices = field(default_factory=Choices)
    longest_side: int = 518
    workers: int = 1
    pseudo_model: str = PSEUDO_MODEL
    device: str = "auto"
    batch: int = 16


def prepare(arguments: Arguments, *, progress: Progress | None = None) -> list[ShardCounts]:
    """Makes a corpus, or what is missing of it; gives what became of the maps, shard by shard.

    Raises:
        DinoDepthError: a data set has no known name, another layout, or only damaged files; the corpus was begun with
            other settings, is damaged, or would be empty; or there are images, and the depth model can't be had.
        BusyError: another process is making a corpus there.
        FullDiskError: the disk is full; the shards that are whole stay.
    """
    sources = [open_source(name, root.resolve(), arguments.choices) for name, root in arguments.sources]
    shards = [
        (source, source.items[start : start + ITEMS_A_SHARD])
        for source in sources
        for start in range(0, len(source.items), ITEMS_A_SHARD)
    ]
    if arguments.out.exists() and not arguments.out.is_dir():
        raise DinoDepthError(f"{arguments.out}: expected a directory to write the corpus in, found a file")
    with held(arguments.out, wait=0):
        writer = CorpusWriter(arguments.out, settings=_settings(arguments, sources), shards=len(shards))
        return _written(writer, arguments, shards, progress)


def _written(
    writer: CorpusWriter,
    arguments: Arguments,
    shards: Sequence[tuple[Source, Sequence[Item]]],
    progress: Progress | None,
) -> list[ShardCounts]:
    """Writes the shards that are missing, and makes a corpus of all."""
    model: PseudoDepth | None = None
    advance = _progress(progress, [len(items) for _, items in shards])
    with reader(arguments.workers) as read:
        for index in writer.missing():
            source, items = shards[index]
            advance(index, source.name)
            if model is None and any(later.images for later, _ in shards[index:]):
                # Before hours of other work, should there be no such model.
                model = _pseudo_depth(arguments)
            if source.images and model is not None:
                rows = _pseudo_rows(source, items, read=read, model=model, arguments=arguments)
            else:
                rows = _rows(source, items, read=read, longest_side=arguments.longest_side)
            writer.write(index, source.name, rows)
    advance(len(shards), "all")
    return writer.finish()


def _rows(
    source: Source, items: Sequence[Item], *, read: Reader, longest_side: int
) -> Iterator[Row | Damaged | None]:
    function = partial(
        _row, read=source.read, name=source.name, unit_known=source.unit_known, longest_side=longest_side
    )
    return read(function, items)


def _row(
    item: Item, *, read: Callable[[Item], Array], name: str, unit_known: bool, longest_side: int
) -> Row | Damaged | None:
    try:
        depth = shrink(read(item), longest_side)
    except DinoDepthError as error:
        return Damaged(str(error))
    return depth_row(depth, source=name, category=item.category, unit_known=unit_known)


def _image(item: Item, *, read: Callable[[Item], Array]) -> Array | Damaged:
    try:
        return read(item)
    except DinoDepthError as error:
        return Damaged(str(error))


def _pseudo_rows(
    source: Source, items: Sequence[Item], *, read: Reader, model: PseudoDepth, arguments: Arguments
) -> Iterator[Row | Damaged | None]:
    images = read(partial(_image, read=source.read), items)
    for start in range(0, len(items), arguments.batch):
        batch = [(item, next(images)) for item in items[start : start + arguments.batch]]
        whole = [(item, image) for item, image in batch if not isinstance(image, Damaged)]
        yield from (image for _, image in batch if isinstance(image, Damaged))
        if not whole:
            continue
        depths = model([image for _, image in whole], longest_side=arguments.longest_side)
        for (item, _), depth in zip(whole, depths, strict=True):
            yield depth_row(depth, source=source.name, category=item.category, unit_known=False)


def _pseudo_depth(arguments: Arguments) -> PseudoDepth:
    # torch and transformers take seconds to import, and most of a reading process's memory.
    from transformers.utils import logging as transformers_logging

    from dino_depth.data.pseudo_depth import PseudoDepth

    # Its bar of weights would break up the bar of maps.
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return PseudoDepth(arguments.pseudo_model, device=arguments.device)


def _settings(arguments: Arguments, sources: Sequence[Source]) -> dict[str, str | int | float | bool]:
    """All that decides about the rows: not how many processes read, or which device estimates depth."""
    choices = arguments.choices
    settings: dict[str, str | int | float | bool] = {
        "--longest-side": arguments.longest_side,
        "--all": choices.everything,
        "--keep-plane": choices.keep_plane,
        "--depth-unit": choices.depth_unit,
    }
    if any(source.images for source in sources):
        settings["--pseudo-model"] = arguments.pseudo_model
    for number, source in enumerate(sources, start=1):
        files = hashlib.sha256("\n".join(source.names()).encode()).hexdigest()[:12]
        settings[f"--source {number}"] = f"{source.name}={source.root} ({len(source.items)} maps, {files})"
    return settings


def _progress(progress: Progress | None, sizes: Sequence[int]) -> Callable[[int, str], None]:
    """A function that shows how far the work is: all before a shard is done."""
    if progress is None:
        return lambda index, name: None
    task = progress.add_task("", total=sum(sizes))
    return lambda index, name: progress.update(task, description=name, completed=sum(sizes[:index]))


def parse(words: Sequence[str] | None = None) -> Arguments:
    """The arguments that the words of a command line stand for.

    Raises:
        DinoDepthError: there is no data set among them, or one has no directory.
        SystemExit: a word is wrong; argparse has said which.
    """
    parser = argparse.ArgumentParser(prog="python -m dino_depth.prepare", description=DESCRIPTION)
    add, count, positive = parser.add_argument, _number_from(0), _number_from(1)
    add("--out", type=Path, required=True, metavar="DIR", help="where the corpus is made")
    add("--source", action="append", default=[], metavar="NAME=PATH", help=f"a data set: {', '.join(NAMES)}")
    add("--split", choices=sorted(SPLITS), help="the data sets of a training split of Table 5, below --root")
    add("--root", type=Path, metavar="DIR", help="with --split: a folder a data set, named as for --source")
    add("--all", action="store_true", help="validation and test parts too, not only nominal training ones")
    add("--keep-plane", action="store_true", help="leave the background plane in (MVTec 3D-AD, Eyecandies)")
    add(
        "--depth-unit", type=float, default=0.0, metavar="MM", help="of a folder: millimetres per stored unit"
    )
    add(
        "--longest-side", type=count, default=518, metavar="PIXELS", help="of the stored maps; 0: as they are"
    )
    add("--workers", type=count, default=1, metavar="N", help="processes that read (default: %(default)s)")
    add(
        "--pseudo-model", default=PSEUDO_MODEL, metavar="MODEL", help="id or directory (default: %(default)s)"
    )
    add("--device", default="auto", help="of the depth model (default: the GPU if there is one)")
    add("--batch", type=positive, default=16, metavar="N", help="images a batch (default: %(default)s)")
    chosen = parser.parse_args(words)
    return Arguments(
        out=chosen.out,
        sources=_chosen_sources(chosen.source, chosen.split, chosen.root),
        choices=Choices(everything=chosen.all, keep_plane=chosen.keep_plane, depth_unit=chosen.depth_unit),
        longest_side=chosen.longest_side,
        workers=chosen.workers,
        pseudo_model=chosen.pseudo_model,
        device=chosen.device,
        batch=chosen.batch,
    )


def _chosen_sources(
    named: Sequence[str], split: str | None, root: Path | None
) -> tuple[tuple[str, Path], ...]:
    if (split is None) != (root is None):
        raise DinoDepthError(
            f"--split: expected it together with --root, found only --{'root' if root else 'split'}"
        )
    sources = [(name, root / name) for name in SPLITS[split]] if split and root else []
    for word in named:
        name, equals, path = word.partition("=")
        if not (name and equals and path):
            raise DinoDepthError(f"--source {word}: expected NAME=PATH, such as mvtec_3d_ad=data/mvtec_3d_ad")
        sources.append((name, Path(path)))
    if not sources:
        raise DinoDepthError("--source: expected a data set, or --split with --root, found neither")
    return tuple(sources)


def _number_from(least: int) -> Callable[[str], int]:
    def number(word: str) -> int:
        if int(word) < least:
            raise ValueError(word)
        return int(word)

    return number


def _report(counts: Sequence[ShardCounts], out: Path) -> Table:
    table = Table("source", title=Text(str(out)), title_justify="left")
    for column in ("maps", "duplicates dropped", "nothing measured", "damaged"):
        table.add_column(column, justify="right")
    names = list(dict.fromkeys(count.source for count in counts))
    for name in [*names, "all"]:
        of_name = [count for count in counts if name in (count.source, "all")]
        numbers = [(count.rows, count.duplicates, count.empty, count.damaged) for count in of_name]
        table.add_row(name, *(str(sum(column)) for column in zip(*numbers, strict=True)))
    return table


def main(words: Sequence[str] | None = None) -> int:
    """The command line.

    An input that can't be used is one line on the standard error, and exit status 2; where single files are damaged,
    the corpus is made without them, and it is 1.
    """
    silence_opencv()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        arguments = parse(words)
        with Progress(*columns, console=Console(stderr=True)) as progress:
            counts = prepare(arguments, progress=progress)
    except (DinoDepthError, OSError) as error:
        return refused("dino_depth.prepare", error)
    Console().print(_report(counts, arguments.out))
    return 1 if any(count.damaged for count in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
