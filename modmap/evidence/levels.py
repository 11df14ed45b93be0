"""One scale for all evidence: how much of it a good part shows, by good parts and by the scan itself.

Each kind of evidence tells multiples of what it expects at a place, but expects too little here and too much there: a
brighter lamp, a rendered nominal scan, or a duller finish lift all of a scan, and a defect must stand out of that. What
a scan shows nearly everywhere isn't a defect. So the scale is half way, in ratio, between that of simulated good parts
and the scan's own; and the scan's own alone as far as that lies above all good parts', as beside a rendered nominal
scan, of which nearly every place looks otherwise. There a view has a level of its own, if that is higher: what is
rendered plain differs from what is brushed more than an edge does. Between the usual level and that a view's own counts
more and more, as where one view's pose lies off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modmap.joining import joined
from modmap.types import Array

NEARLY_ALL = 0.9  # share of a scan's pixels that a defect leaves as they were
HALF = 0.5  # likewise of a view's, of which a defect may take a tenth
MOST_PIXELS = 200_000  # of a scan that are asked
FURTHEST = 16.0  # times the usual level that a scan's own may lie off
ODD = 1.5  # times the usual level, above which all that a scan's own lies higher is its own


@dataclass(frozen=True)
class Level:
    """What a kind of evidence shows on good parts, in its own multiples.

    Measured on four good scans of each of seven categories of the simulated work split, those of lines roughly on two
    (`python -m benchmarks.evidence_levels`).

    Attributes:
        usual: What nine pixels of ten stay below.
        most: What 999 of a thousand stay below.
        headroom: Times `most` is what counts as one: about the largest of a good scan, or more of a kind of evidence
            that tells good scans less well.
        odd_at_most: Times the usual level: what a scan's own lies higher isn't its level, but what is wrong with it.
        steepest: Times what half of a scan's pixels, or of a view's, stay below: what nine of ten do lies no higher on
            good parts, and where it does a tenth of them shows a defect, which would be the smaller the larger it is.
    """

    usual: float
    most: float
    headroom: float = 1.5
    odd_at_most: float = FURTHEST
    steepest: float = np.inf

    def levelled(self, views: Mapping[str, Array]) -> dict[str, Array]:
        """A scan's evidence in multiples of what a good part shows at most.

        Args:
            views: By view (H, W) float32, NaN where nothing is said.
        """
        own = self.own(views)
        if own is None:
            return dict(views)
        levelled = {}
        of_views = float(np.clip((own - 1) / (ODD - 1), 0, 1))
        for view_id, one in views.items():
            of_view = (self.own({view_id: one}) or own) if of_views else own
            level = min(own, self.odd_at_most) * max(of_view / own, 1.0) ** of_views
            unit = self.headroom * self.most * np.sqrt(level * max(level / ODD, 1.0))
            levelled[view_id] = (one / np.float32(unit)).astype(np.float32)
        return levelled

    def own(self, views: Mapping[str, Array]) -> float | None:
        """How many times the usual level a scan's own is; None where nothing is said.

        Args:
            views: As in `levelled`.
        """
        known = [one[np.isfinite(one)] for one in views.values()]
        every = np.concatenate(known) if known else np.zeros(0, np.float32)
        if not len(every):
            return None
        asked = every[:: -(-len(every) // MOST_PIXELS)]
        level = np.quantile(asked, NEARLY_ALL)
        if self.steepest < np.inf:
            level = min(level, self.steepest * np.quantile(asked, HALF))
        return float(np.clip(level / self.usual, 1 / FURTHEST, FURTHEST))


def levelled_together(levels: Sequence[Level], kinds: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """By view the norm of several maps of a scan's evidence, each on its own level."""
    levelled = [level.levelled(views) for level, views in zip(levels, kinds, strict=True)]
    return {view_id: joined([views[view_id] for views in levelled]) for view_id in levelled[0]}


# Of a part that is warped as a whole nearly all surface lies off; good ones, beside rendered ones too, are below 2.
# Of good scans' views the steepest has less than four (`python -m benchmarks.evidence_levels`).
GEOMETRY = Level(usual=0.2, most=0.66, odd_at_most=2.5, steepest=4.0)
# Of patches, and of lines by length.
APPEARANCE = (Level(0.37, 0.94), Level(2.3, 6.0, headroom=2.5), Level(2.4, 5.7, headroom=2.5))
MEMORY = (Level(usual=0.72, most=1.0), Level(usual=0.48, most=1.0))  # of the image, and of normals
TEXTURE = (Level(usual=0.97, most=1.55), Level(usual=0.78, most=1.15))  # by stride
