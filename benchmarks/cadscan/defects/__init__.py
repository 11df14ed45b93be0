"""Defects of a part: of a kind, a size and a place that are known, and the surface that each of them changed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.cadscan.defects.blows import Avoid, bent_feature, bump, dent, warp
from benchmarks.cadscan.defects.cuts import chip, extra_hole, missing_feature
from benchmarks.cadscan.defects.lines import crack, scratch
from benchmarks.cadscan.defects.marks import roughness, stain
from benchmarks.cadscan.defects.places import DefectError
from benchmarks.cadscan.part import Defect, DefectivePart, Part

__all__ = [
    "KINDS",
    "LARGEST",
    "SMALLEST",
    "DefectError",
    "add_defects",
    "draw_size",
    "make_defect",
    "redrawn",
]

_MAKERS: dict[str, Callable[..., DefectivePart]] = {
    "missing_feature": missing_feature,
    "bent_feature": bent_feature,
    "warp": warp,
    "extra_hole": extra_hole,
    "chip": chip,
    "dent": dent,
    "bump": bump,
    "scratch": scratch,
    "crack": crack,
    "stain": stain,
    "roughness": roughness,
}
KINDS = tuple(_MAKERS)  # in the order in which one part suffers them
_ANYWHERE = tuple(kind for kind in KINDS if kind not in ("warp", "missing_feature", "bent_feature"))
SMALLEST, LARGEST = 3.0, 20.0  # mm
_WARP_SCALE = 4.5  # a warp is 4.5 times as wide as another defect, and 25 mm at least
_WARP_LEAST = 25.0
_DRAWS = 10


def draw_size(rng: np.random.Generator, *, smallest: float = SMALLEST, largest: float = LARGEST) -> float:
    """A size in mm, log-uniform between two."""
    return float(np.exp(rng.uniform(np.log(smallest), np.log(largest))))


def make_defect(part: Part, kind: str, *, size: float, seed: int, avoid: Avoid = ()) -> DefectivePart:
    """The part with one defect.

    Args:
        part: Not changed; its arrays are shared with the result where they are the same.
        kind: One of `KINDS`.
        size: Largest extent along the surface, mm. A feature that is missing or bent is the nearest in size; a
            warp is 4.5 times as wide, 25 mm at least; a scratch or a crack ends at the edge of its surface.
        seed: Of place, shape, depth.
        avoid: Balls (centre, radius) to stay out of.

    Returns:
        The changed part. What counts as changed: surface that moved by over 0.02 mm, came or went (of a warp:
        moved by over a fifth of its peak), and visible surface where a patch's weight is over 0.1.

    Raises:
        DefectError: No such kind, no place for it on this part, or one too large to be meshed.
    """
    if kind not in _MAKERS:
        raise DefectError(f"no defect kind {kind!r}; there are {', '.join(KINDS)}")
    rng = np.random.default_rng([zlib.crc32(kind.encode()), seed])
    if kind == "warp":
        size = max(_WARP_SCALE * size, _WARP_LEAST)
    made = _MAKERS[kind](part, size=size, rng=rng, avoid=avoid)
    patch = made.patches[0] if made.patches else None
    return replace(made, defects=(replace(made.defects[0], before=part, patch=patch),))


def add_defects(
    part: Part,
    *,
    seed: int,
    count: int = 1,
    kinds: Sequence[str] = KINDS,
    smallest: float = SMALLEST,
    largest: float = LARGEST,
) -> DefectivePart:
    """The part with `count` defects, no two in the same place.

    Args:
        part: Not changed.
        seed: Of kinds, sizes and places.
        count: How many; one that finds no place, or cannot be meshed, is drawn again.
        kinds: Drawn from evenly; a part has one warp at most, and then no missing or bent feature.
        smallest: mm.
        largest: mm; the sizes are log-uniform between the two.

    Raises:
        DefectError: None of ten draws of a defect could be made; the error says why not the last.
    """
    rng = np.random.default_rng([zlib.crc32(b"defects"), seed])
    made = DefectivePart(part, (), ())
    for kind in _draw_kinds(kinds, count, rng):
        made = _one_more(made, kind, kinds, rng, smallest=smallest, largest=largest)
    return made


def redrawn(
    made: DefectivePart,
    first: int,
    *,
    rng: np.random.Generator,
    same_kind: bool = True,
    smallest: float = SMALLEST,
    largest: float = LARGEST,
) -> DefectivePart:
    """The part with its defects drawn again from one on.

    Args:
        made: With defects.
        first: Index of the one to be drawn again; those after it were placed with regard to it.
        rng: Of sizes, places and, if it's another, the kind.
        same_kind: Draw it of the same kind; else of any that needs no feature of the part.
        smallest: mm.
        largest: mm.

    Raises:
        DefectError: as `add_defects`.
    """
    kept, kinds = made.defects[:first], [defect.kind for defect in made.defects[first:]]
    before = made.defects[first].before
    assert before is not None
    patches = tuple(defect.patch for defect in kept if defect.patch is not None)
    part = DefectivePart(before, patches, kept)
    if not same_kind:
        kinds[0] = str(rng.choice(_ANYWHERE))
    for kind in kinds:
        part = _one_more(part, kind, KINDS, rng, smallest=smallest, largest=largest)
    return part


def _draw_kinds(kinds: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    """Kinds in the order of `KINDS`: what changes the most comes first."""
    drawn = [str(kind) for kind in rng.choice(list(kinds), size=count)]
    if "warp" in drawn and len(drawn) > 1:  # features have moved once a part is warped
        rest = [kind for kind in kinds if kind in _ANYWHERE] or ["dent"]
        drawn = ["warp", *(str(kind) for kind in rng.choice(rest, size=count - 1))]
    return sorted(drawn, key=KINDS.index)


def _one_more(
    made: DefectivePart,
    kind: str,
    kinds: Sequence[str],
    rng: np.random.Generator,
    *,
    smallest: float,
    largest: float,
) -> DefectivePart:
    """One more defect on a part; of another kind where the first has no place or cannot be meshed."""
    # Beside a warp, which is wide and shallow, there is place for others: only its middle is kept free.
    avoid = tuple((d.centre, d.size / (8 if d.kind == "warp" else 2)) for d in made.defects)
    others = [k for k in kinds if k in _ANYWHERE] or [kind]
    reason = ""
    for attempt in range(_DRAWS):
        size, seed = draw_size(rng, smallest=smallest, largest=largest), int(rng.integers(1 << 31))
        try:
            new = make_defect(made.part, kind, size=size, seed=seed, avoid=avoid)
            if len(new.defects[0].changed_points):
                return _together(made, new)
            reason = f"a {kind} that changes nothing"
        except DefectError as error:
            reason = str(error)
        if attempt >= 2:
            kind = str(rng.choice(others))
    raise DefectError(
        f"no defect of {smallest:g} to {largest:g} mm on {made.part.category} in {_DRAWS} draws; the last: {reason}"
    )


def _together(made: DefectivePart, new: DefectivePart) -> DefectivePart:
    defects: tuple[Defect, ...] = (*made.defects, *new.defects)
    return DefectivePart(new.part, (*made.patches, *new.patches), defects)
