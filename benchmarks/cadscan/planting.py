"""A part with defects that a scan of it shows: those that nobody could find are drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.cadscan.assessment import Assessment, assess
from benchmarks.cadscan.defects import DefectError, add_defects, redrawn
from benchmarks.cadscan.defects.twin import carried_along
from benchmarks.cadscan.part import DefectivePart
from benchmarks.cadscan.scanner import Cell, Instance, Shot
from modmap.volume import VoxelGrid

MOST_DEFECTS = 2
MOST_DRAWS, DRAWS_OF_A_KIND = 40, 4


@dataclass(frozen=True)
class Wanted:
    """Which defects a scan is to have.

    Attributes:
        smallest: mm.
        largest: mm; the sizes are log-uniform between the two.
        least_detectability: The least d' that one of the views must show of each; 0: none is drawn again.
    """

    smallest: float
    largest: float
    least_detectability: float


@dataclass(frozen=True)
class Planted:
    """A part with defects as it lies before the scanner.

    Attributes:
        made: The part with its defects, their marks and the harmless ones.
        instance: It, where it lies.
        assessments: What the views can show of each defect.
        draws: How often defects were drawn.
    """

    made: DefectivePart
    instance: Instance
    assessments: tuple[Assessment, ...]
    draws: int


@dataclass(frozen=True)
class Planter:
    """Plants the defects of one scan.

    Attributes:
        cell: Of the category.
        bare: The part without defects, as it lies.
        shots: The views.
        grid: Of the ground truth.
        wanted: Which defects.
        seed: Of the defects.
    """

    cell: Cell
    bare: Instance
    shots: Sequence[Shot]
    grid: VoxelGrid
    wanted: Wanted
    seed: np.random.SeedSequence

    def plant(self) -> Planted:
        """One or two defects, each of which some view shows.

        Raises:
            DefectError: none such was among forty draws.
        """
        return self._until_shown(self.drawn(), draws=1)

    def drawn(self) -> DefectivePart:
        """The part with the first one or two defects, shown or not."""
        rng = np.random.default_rng(self.seed)
        return add_defects(
            self.bare.part,
            count=int(rng.integers(1, MOST_DEFECTS + 1)),
            seed=int(rng.integers(1 << 31)),
            smallest=self.wanted.smallest,
            largest=self.wanted.largest,
        )

    def again(self, planted: Planted, first: int) -> Planted:
        """Defects from the one of this index on drawn again, as nothing of it was measured.

        Raises:
            DefectError: as `plant`.
        """
        draws = planted.draws
        return self._until_shown(self._redrawn(planted.made, first, draws), draws=draws + 1)

    def _until_shown(self, made: DefectivePart, *, draws: int) -> Planted:
        while True:
            planted = self._laid_down(made, draws)
            hidden = self._hidden(planted)
            if hidden is None:
                return planted
            made, draws = self._redrawn(made, hidden, draws), draws + 1

    def _redrawn(self, made: DefectivePart, first: int, draws: int) -> DefectivePart:
        if draws >= MOST_DRAWS:
            raise DefectError(
                f"no defect of {self.wanted.smallest:g} to {self.wanted.largest:g} mm on {made.part.category} that a "
                f"view shows with a detectability of {self.wanted.least_detectability:g} or more, and measures, in "
                f"{draws} draws; the last: a {made.defects[first].kind} of {made.defects[first].size:.1f} mm"
            )
        seed = np.random.SeedSequence(self.seed.entropy, spawn_key=(*self.seed.spawn_key, draws))
        return redrawn(
            made,
            first,
            rng=np.random.default_rng(seed),
            same_kind=draws % DRAWS_OF_A_KIND != 0,
            smallest=self.wanted.smallest,
            largest=self.wanted.largest,
        )

    def _laid_down(self, made: DefectivePart, draws: int) -> Planted:
        """The defects among the harmless marks, on the part where it lies."""
        marks = carried_along(self.bare.marks, made)
        whole = replace(made, patches=(*marks, *made.patches))
        instance = self.bare.exchanged(self.cell, whole.part, marks=whole.patches)
        assessments = tuple(
            assess(self.cell, instance, whole, self.shots, index=index, grid=self.grid)
            for index in range(len(made.defects))
        )
        return Planted(whole, instance, assessments, draws)

    def _hidden(self, planted: Planted) -> int | None:
        """The first defect that no view shows."""
        least = self.wanted.least_detectability
        for index, one in enumerate(planted.assessments):
            if least > 0 and (one.best < least or not len(one.shown)):
                return index
        return None
