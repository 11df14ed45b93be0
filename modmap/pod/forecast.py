"""Whether a study can hold a curve at all, told before hours are spent on it: by how many defects there are to try."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from modmap.pod.curves import FEWEST
from modmap.pod.shapes import Kind


def count_needed(kinds: Sequence[Kind]) -> int:
    """How many defects of all these kinds together are the fewest of which each can have a curve."""
    return FEWEST * len(kinds)


def shortfalls(
    wanted: Mapping[Kind, int], placed: Mapping[Kind, Sequence[float]], *, footprint: float
) -> dict[Kind, str]:
    """By kind why it can't have a curve, and what would give it one; empty where all can.

    Args:
        wanted: By kind, how many defects are asked.
        placed: By kind, the sizes of those that have a place on the part, mm.
        footprint: mm of the part that a pixel shows, at the resolution that scans are compared at.
    """
    found: dict[Kind, str] = {}
    for kind, asked in wanted.items():
        sizes = placed.get(kind, ())
        if asked < FEWEST:
            found[kind] = (
                f"a curve takes {FEWEST} defects of a kind, {asked} are asked: give --count "
                f"{count_needed(list(wanted))} or more, or fewer --kinds"
            )
        elif not sizes:
            edge = "has no edge that is measured well enough" if kind == "chip" else "is nowhere large enough"
            found[kind] = (
                f"the part's measured surface {edge} for any of {asked}: try smaller --sizes, or leave it out"
            )
        elif len(sizes) < FEWEST:
            count = len(wanted) * math.ceil(asked * FEWEST / len(sizes))
            found[kind] = (
                f"a curve takes {FEWEST} defects of a kind, of {asked} only {len(sizes)}, up to {max(sizes):.3g} mm, "
                f"have a place on the part: give --sizes that end there, or --count {count} or more"
            )
        elif max(sizes) < footprint:
            found[kind] = (
                f"the largest is {max(sizes):.3g} mm, and a pixel of these scans shows {footprint:.3g} mm: try larger "
                "--sizes"
            )
    return found
