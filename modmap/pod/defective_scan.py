"""A good scan with defects put into it; its views are changed as they are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from modmap.pod.carrying import Placed, carried
from modmap.pod.sensor import Losses
from modmap.pod.shading import Shading
from modmap.scan import Frame, Scan, View


@dataclass(frozen=True, eq=False)
class DefectiveView(View):
    """A view of a part with defects.

    Attributes:
        good: The view as it was scanned.
        defects: What is put on the part.
        look: How gray surface is by how it lies.
        losses: What the sensor doesn't measure.
    """

    good: View | None = None
    defects: tuple[Placed, ...] = ()
    look: Shading | None = None
    losses: Losses | None = None

    def load(self) -> Frame:
        """The good view's frame with the defects in it.

        Raises:
            ModMapError: as `View.load`.
        """
        assert self.good is not None
        assert self.look is not None
        assert self.losses is not None
        frame = self.good.load()
        for placed in self.defects:
            frame = carried(frame, placed, look=self.look, losses=self.losses)
        return frame


def defective(scan: Scan, defects: Sequence[Placed], *, look: Shading, losses: Losses, name: str) -> Scan:
    """A scan of the same part with defects.

    Args:
        scan: A good scan, with a camera for every view; its views are read anew.
        defects: What is put on the part.
        look: How gray surface is by how it lies.
        losses: What the sensor doesn't measure.
        name: Of the new scan.
    """
    views = []
    for view in scan.views:
        kept: dict[str, Any] = {field.name: getattr(view, field.name) for field in fields(View)}
        views.append(DefectiveView(**kept, good=view, defects=tuple(defects), look=look, losses=losses))
    return replace(scan, name=name, views=views)
