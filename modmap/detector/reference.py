"""The nominal part as it was scanned: what a model keeps of it to compare scans with, and its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from modmap.alignment.support import without_support
from modmap.alignment.surface import ViewSurface, view_surface
from modmap.detector.memory_arrays import memory_arrays, memory_of
from modmap.errors import ModMapError, one_line
from modmap.evidence.appearance import NominalAppearance
from modmap.evidence.memory import Memory
from modmap.evidence.nominal import NominalSurface
from modmap.evidence.reduction import reduced
from modmap.evidence.texture import NominalTexture
from modmap.evidence.tolerated import Tolerated
from modmap.files.archives import opened_npz
from modmap.files.atomic import atomic_file
from modmap.foreground import foreground_mask
from modmap.scan import Camera, Frame, Scan, View
from modmap.threads import in_order
from modmap.types import EVIDENCE, Array, Evidence, ForegroundMode

MOST_BYTES = 2**32
REFERENCE_NAME = "reference.npz"
PARTS = ("depth", "image", "K", "pose", "distortion")


@dataclass(frozen=True, eq=False)
class Reference:
    """The nominal views of one class.

    Attributes:
        frames: By view id, of at most 1024 px along the longer side, depth of the part alone, each with a camera.
        memory: What a network saw of all nominal scans of the class; None where that wasn't asked.
        tolerated: What the further nominal scans of the class show, held against these views.
    """

    frames: Mapping[str, Frame]
    memory: Memory | None = None
    tolerated: Tolerated = field(default_factory=Tolerated.nothing)

    @classmethod
    def of(cls, scan: Scan, *, foreground: ForegroundMode) -> Reference:
        """Keeps the views of a nominal scan.

        Args:
            scan: The scan; its views are loaded as many at a time as there are threads.
            foreground: Which pixels are the part.

        Raises:
            ModMapError: a view has no camera or can't be loaded.
        """
        require_cameras(scan)

        def small(view: View) -> Frame:
            frame = view.load()
            return reduced(frame, foreground_mask(frame.depth, mode=foreground)[0])

        return cls({frame.id: frame for frame in in_order(small, scan.views)})

    @cached_property
    def surfaces(self) -> dict[str, ViewSurface]:
        """The views' surfaces by id."""
        found = in_order(lambda frame: view_surface(frame, frame.depth > 0), self.frames.values())
        return dict(zip(self.frames, found, strict=True))

    @cached_property
    def part(self) -> dict[str, ViewSurface]:
        """The same without what the part lies on."""
        return without_support(self.surfaces)[0]

    @cached_property
    def geometry(self) -> NominalSurface:
        """What the geometry of new scans is compared with."""
        return NominalSurface.of(self.surfaces)

    @cached_property
    def look(self) -> NominalAppearance:
        """What the images of new scans are compared with."""
        return NominalAppearance.of(self.frames, self.part)

    @cached_property
    def texture(self) -> NominalTexture:
        """What a network sees of the images of new scans is compared with."""
        return NominalTexture.of(self.frames, self.part)


References = dict[str, Reference]  # by class, under an empty name for a class-specific model


def require_cameras(scan: Scan) -> None:
    """Checks that scans can be compared with a nominal one.

    Raises:
        ModMapError: names the first view without a camera and the file that was looked for.
    """
    for view in scan.views:
        if view.camera is None:
            raise ModMapError(
                f"scan {scan.name}: evidence: expected a camera for every view, by which scans are laid on the nominal "
                f"one, found none for view {view.id} ({view.camera_looked_for}); preset fast needs none"
            )


def arrays_of(references: Mapping[str, Reference]) -> dict[str, Array]:
    """References as named arrays: `classes`, for class i `ids_i`, and for its view j `depth_i_j` and so on."""
    arrays: dict[str, Array] = {"classes": np.array(list(references), dtype=np.str_)}
    for place, reference in enumerate(references.values()):
        arrays[f"ids_{place}"] = np.array(list(reference.frames), dtype=np.str_)
        for view, frame in enumerate(reference.frames.values()):
            camera = frame.camera
            assert camera is not None
            parts = {
                "depth": frame.depth,
                "image": frame.image,
                "K": camera.K,
                "pose": camera.T_world_to_camera,
                "distortion": np.zeros(0) if camera.distortion is None else camera.distortion,
            }
            arrays |= {f"{name}_{place}_{view}": value for name, value in parts.items()}
        for kind, views in reference.tolerated.kinds.items():
            for view, view_id in enumerate(reference.frames):
                if view_id in views:
                    arrays[f"{kind}_{place}_{view}"] = views[view_id]
        if reference.memory is not None:
            arrays |= {f"{name}_{place}": value for name, value in memory_arrays(reference.memory).items()}
    return arrays


def tensors_of(references: Mapping[str, Reference]) -> dict[str, Tensor]:
    """What of references makes a model another one, by name, as bytes."""
    return {
        f"reference.{name}": torch.from_numpy(np.ascontiguousarray(value).reshape(-1).view(np.uint8))
        for name, value in arrays_of(references).items()
        if value.dtype.kind in "fu"
    }


def write_references(references: Mapping[str, Reference], directory: Path) -> Path:
    """Writes `reference.npz` into a model's directory."""
    path = directory / REFERENCE_NAME
    with atomic_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays_of(references))  # type: ignore[arg-type]  # no name of ours is allow_pickle
    return path


def read_references(directory: Path) -> References:
    """The references that `write_references` wrote.

    Raises:
        ModMapError: the file is missing or damaged, or holds something else.
    """
    path = directory / REFERENCE_NAME
    if not path.is_file():
        raise ModMapError(f"{path}: expected the nominal views that scans are compared with, found no file")
    try:
        with opened_npz(path, most_bytes=MOST_BYTES) as stored:
            arrays = {name: stored[name] for name in stored.files}
        references = {
            str(name): Reference(
                {
                    str(view_id): _frame(str(view_id), {part: arrays[f"{part}_{i}_{j}"] for part in PARTS})
                    for j, view_id in enumerate(arrays[f"ids_{i}"])
                },
                memory_of(arrays, f"_{i}"),
                _tolerated(arrays, i, [str(view_id) for view_id in arrays[f"ids_{i}"]]),
            )
            for i, name in enumerate(arrays["classes"])
        }
        unknown = sorted(arrays.keys() - arrays_of(references).keys())
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}")
    except Exception as error:
        raise ModMapError(
            f"{path}: expected the nominal views of a model, found a damaged file ({one_line(error)})"
        ) from None
    return references


def _tolerated(arrays: Mapping[str, Array], place: int, view_ids: Sequence[str]) -> Tolerated:
    kinds: dict[Evidence, dict[str, Array]] = {}
    for kind in EVIDENCE:
        for view, view_id in enumerate(view_ids):
            shown = arrays.get(f"{kind}_{place}_{view}")
            if shown is None:
                continue
            if shown.ndim != 2 or shown.dtype != np.float16 or not (np.isfinite(shown) & (shown >= 0)).all():
                raise ValueError(
                    f"{kind} of view {view_id}: expected float16 scores (h, w) of 0 and more, found others"
                )
            kinds.setdefault(kind, {})[view_id] = shown
    return Tolerated(kinds)


def _frame(view_id: str, parts: Mapping[str, Array]) -> Frame:
    depth, image = parts["depth"], parts["image"]
    if depth.ndim != 2 or depth.dtype != np.float32 or image.shape != depth.shape:
        raise ValueError(
            f"view {view_id}: expected float32 depth (H, W) and an image of its size, found {depth.dtype} "
            f"{depth.shape} and {image.shape}"
        )
    if not (np.isfinite(depth) & (depth >= 0)).all():
        raise ValueError(f"view {view_id}: expected depth of 0 and more, found other values")
    size = depth.shape[1], depth.shape[0]
    camera = Camera(
        parts["K"],
        parts["pose"],
        size=size,
        distortion=parts["distortion"] if parts["distortion"].size else None,
    )
    return Frame(view_id, image=image, depth=depth, camera=camera)
