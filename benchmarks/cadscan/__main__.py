"""`python -m benchmarks.cadscan`: make a data set or a depth corpus, measure its sanity floor, draw its sheets."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from benchmarks.cadscan.card import write_card
from benchmarks.cadscan.corpus import CorpusSettings, Parts, make_corpus
from benchmarks.cadscan.dataset import DatasetError, DatasetSettings, make_dataset
from benchmarks.cadscan.defects import LARGEST, SMALLEST
from benchmarks.cadscan.detectability import LEAST_DETECTABILITY
from benchmarks.cadscan.errors import CadscanError
from benchmarks.cadscan.floor import measure_floor
from benchmarks.cadscan.parts import CATEGORIES
from benchmarks.cadscan.scan_jobs import SEED_OF_SPLIT, Split
from benchmarks.cadscan.sheets import draw_sheets
from modmap.files.atomic import PlaceError

SIM3D_MINI = Path("data/sim3d-mini")


@dataclass(frozen=True)
class Dataset:
    """Make a data set in SiM3D's layout, or what is missing of it; its defaults are those of `sim3d-mini`."""

    out: Path | None = None
    """Its directory; of a split data/sim3d-mini/SPLIT by default."""
    split: Split | None = None
    """Of sim3d-mini. work: seed 0, to choose settings on. report: seed 50, on which nothing is ever tuned."""
    categories: tuple[str, ...] = CATEGORIES
    """Parts to scan."""
    good: int = 12
    """Nominal test scans a category."""
    bad: int = 16
    """Anomalous test scans a category."""
    size: str = "1024x768"
    """Of the images, at most 4096x3000."""
    seed: int | None = None
    """The same seed gives the same bytes; a split's own, else 0, by default."""
    smallest: float = SMALLEST
    """Of the defects' sizes, mm."""
    largest: float = LARGEST
    """Likewise; log-uniform between the two."""
    least_detectability: float = LEAST_DETECTABILITY
    """A defect of which no view shows this d', or measures a point, is drawn again; 0: none is."""
    workers: int = 1
    """Processes, each on one thread."""

    def run(self) -> None:
        """Makes it.

        Raises:
            DatasetError: there is neither a directory nor a split, or the seed is another split's.
        """
        out = self.out
        if out is None:
            if self.split is None:
                raise DatasetError("out: expected a directory, or --split work or report, found neither")
            out = SIM3D_MINI / self.split
        seed = SEED_OF_SPLIT[self.split] if self.split else 0
        if self.split and self.seed not in (None, seed):
            raise DatasetError(f"seed: expected {seed}, as the {self.split} split has it, found {self.seed}")
        settings = DatasetSettings(
            size=_size(self.size),
            good=self.good,
            bad=self.bad,
            seed=seed if self.seed is None else self.seed,
            smallest=self.smallest,
            largest=self.largest,
            least_detectability=self.least_detectability,
            split=self.split,
        )
        make_dataset(out, settings, categories=self.categories, workers=self.workers)


@dataclass(frozen=True)
class Corpus:
    """Make a corpus of depth maps of parts of drawn sizes as a Hugging Face `datasets` directory."""

    out: Path
    """Its directory."""
    count: int = 20_000
    """Depth maps."""
    size: int = 256
    """Edge of the square maps, pixels."""
    seed: int = 0
    """The same seed gives the same bytes."""
    parts: Parts = "random"
    """random: of any family, untold. families: the eight in turn, named in each row with the part's number."""
    workers: int = 1
    """Processes, each on one thread."""

    def run(self) -> None:
        """Makes it."""
        settings = CorpusSettings(self.count, self.size, self.seed, self.parts)
        make_corpus(self.out, settings, workers=self.workers)


@dataclass(frozen=True)
class Floor:
    """Measure what trivial detectors reach on a data set, and write it into its card."""

    data: Path
    """The data set."""
    categories: tuple[str, ...] = field(default=())
    """Some of its categories; all by default."""

    def run(self) -> None:
        """Measures it and prints the I-AUROC by category and detector."""
        floor = measure_floor(self.data, categories=self.categories)
        write_card(self.data)
        for category, row in floor.items():
            print(category, *(f"{name} {value:.3f}" for name, value in row.items()), sep="  ")


@dataclass(frozen=True)
class Sheets:
    """Draw a contact sheet of each category, its defects with and without, and all kinds of defect at three sizes."""

    data: Path
    """The data set."""
    out: Path
    """Where the pictures go."""
    planted: int = 2
    """Anomalous scans of each category whose defects are drawn, with and without."""
    kinds: bool = True
    """Draw every kind of defect at three sizes too."""

    def run(self) -> None:
        """Draws them and prints their paths."""
        for path in draw_sheets(self.data, self.out, planted=self.planted, kinds=self.kinds):
            print(path)


Command = (
    Annotated[Dataset, tyro.conf.subcommand("dataset")]
    | Annotated[Corpus, tyro.conf.subcommand("corpus")]
    | Annotated[Floor, tyro.conf.subcommand("floor")]
    | Annotated[Sheets, tyro.conf.subcommand("sheets")]
)


class SizeError(CadscanError):
    """An image size that cannot be read."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one command.

    An input or a place that cannot be used is one line on the standard error, and exit status 2; a full disk 1.
    """
    command = tyro.cli(Command, prog="python -m benchmarks.cadscan", args=arguments)
    try:
        command.run()
    except (ValueError, OSError) as error:
        Console(stderr=True).print(
            f"error: {error}", style="red", highlight=False, soft_wrap=True, markup=False
        )
        return 1 if isinstance(error, PlaceError) else 2
    return 0


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise SizeError(f"size: expected WIDTHxHEIGHT, such as 1024x768, found {text!r}")
    return int(width), int(height)


if __name__ == "__main__":
    sys.exit(main())
