"""The twin of a part with defects: the same part with all but one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks.cadscan.part import Array, DefectivePart, ReflectancePatch

_STEPS = 30  # to undo a warp, whose slope is a twentieth at most: far fewer would do


def twin(made: DefectivePart, index: int) -> DefectivePart:
    """The part without the defect of this index.

    Later defects are made again, in the same places, on the part as it was before that one. A warp took the later ones
    along; it is undone where they are now.
    """
    lacking, earlier, later = made.defects[index], made.defects[:index], made.defects[index + 1 :]
    assert lacking.before is not None
    part, patches = lacking.before, tuple(patch for patch in made.patches if patch is not lacking.patch)
    if lacking.carried is not None:
        back = _inverse(lacking.carried)
        of_earlier = [defect.patch for defect in earlier]
        patches = tuple(
            patch if any(patch is one for one in of_earlier) else replace(patch, path=back(patch.path))
            for patch in patches
        )
        if later:
            part = replace(made.part, vertices=back(made.part.vertices))
    else:
        for defect in later:
            part = defect.again(part)
    return DefectivePart(part, patches, (*earlier, *later))


def carried_along(marks: tuple[ReflectancePatch, ...], made: DefectivePart) -> tuple[ReflectancePatch, ...]:
    """Marks on the part before its defects, where a warp among these took them."""
    for defect in made.defects:
        if defect.carried is not None:
            marks = tuple(replace(mark, path=defect.carried(mark.path)) for mark in marks)
    return marks


def _inverse(carried: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Where points came from that were carried by less than their distance from one another."""

    def back(points: Array) -> Array:
        start = points
        for _ in range(_STEPS):
            start = start + points - carried(start)
        return start

    return back
