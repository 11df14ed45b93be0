"""Ground truth of a scan: the defect voxels, as `gt.npz`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modmap.errors import ModMapError, one_line
from modmap.files.archives import opened_npz
from modmap.files.atomic import atomic_file
from modmap.metrics import label_defects
from modmap.types import Array
from modmap.volume import MOST_VOXELS, VoxelGrid

KEYS = ("mask", "origin", "voxel")
MOST_BYTES = 2**30
UNSEEN = "unseen"
DEFECT = "defect"
MOST_DEFECTS = np.iinfo(np.uint16).max


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """The defect voxels of one scan.

    Args:
        mask: (X, Y, Z) bool, True in a defect.
        origin: (3,) world place of the corner of voxel (0, 0, 0) with the lowest coordinates, mm.
        voxel: Edge length, mm.
        unseen: (X, Y, Z) bool, True in what else a defect changed and no view could ever show; None where that is
            not known.
        defect: (X, Y, Z) integers, which defect a voxel of the mask is of, from 1, and 0 outside; None where that is
            not known.

    Raises:
        ModMapError: a wrong shape or type, a number that is not finite, a voxel that is not positive, a voxel of the
            mask that is of no defect, or another one that is of one.
    """

    mask: Array
    origin: Array
    voxel: float
    unseen: Array | None = None
    defect: Array | None = None

    def __post_init__(self) -> None:
        mask = _checked_mask("mask", self.mask)
        if self.unseen is not None:
            unseen = _checked_mask("unseen", self.unseen)
            if unseen.shape != mask.shape:
                raise ModMapError(f"unseen: expected the mask's shape {mask.shape}, found {unseen.shape}")
            object.__setattr__(self, "unseen", unseen)
        if self.defect is not None:
            object.__setattr__(self, "defect", _checked_defect(self.defect, mask))
        origin = _floats("origin", self.origin, shape=(3,))
        voxel = float(_floats("voxel", self.voxel, shape=()))
        if voxel <= 0:
            raise ModMapError(f"voxel: expected a positive edge length in mm, found {voxel}")
        object.__setattr__(self, "mask", mask)
        object.__setattr__(self, "origin", origin)
        object.__setattr__(self, "voxel", voxel)

    @property
    def grid(self) -> VoxelGrid:
        """Where the mask's voxels are."""
        x, y, z = self.mask.shape
        return VoxelGrid(self.origin, self.voxel, (x, y, z))

    def pieces(self) -> tuple[Array, int]:
        """Splits the mask into defects: by `defect` where that is known, else into what touches (26 neighbours).

        Returns:
            (X, Y, Z) int32, 0 outside the mask and 1, 2, ... in it, and how many there are. No number is left out:
            where no voxel is of a defect, the later ones move up.
        """
        if self.defect is None:
            labels, count = label_defects(self.mask)
            return labels.astype(np.int32, copy=False), count
        numbers, place = np.unique(self.defect[self.mask], return_inverse=True)
        labels = np.zeros(self.mask.shape, dtype=np.int32)
        labels[self.mask] = place + 1
        return labels, len(numbers)


def read_ground_truth(path: str | Path) -> GroundTruth:
    """Reads `gt.npz`: `mask` (X, Y, Z), `origin` (3,) in mm, `voxel` in mm.

    The mask may also be packed: `mask` is `numpy.packbits` of the flat volume, and `shape` its (X, Y, Z). `unseen`,
    where there is one, is stored as the mask is, and `defect` as the numbers of the mask's voxels in flat order.

    Raises:
        ModMapError: the file is missing or damaged, a key is missing or its value unusable.
    """
    path = Path(path)
    if not path.is_file():
        raise ModMapError(f"{path}: expected a ground truth file (.npz), found none")
    try:
        with opened_npz(path, most_bytes=MOST_BYTES) as file:
            arrays = {
                name: np.asarray(file[name])
                for name in file.files
                if name in (*KEYS, "shape", UNSEEN, DEFECT)
            }
    except Exception as error:
        raise ModMapError(
            f"{path}: expected a whole .npz file, found a damaged one ({one_line(error)})"
        ) from None
    missing = [key for key in KEYS if key not in arrays]
    if missing:
        raise ModMapError(f"{path}: expected mask, origin and voxel, found no {', '.join(missing)}")
    try:
        masks = {name: arrays[name] for name in ("mask", UNSEEN) if name in arrays}
        if "shape" in arrays:
            masks = {name: _unpacked(name, bits, arrays["shape"]) for name, bits in masks.items()}
        defect = _spread(arrays[DEFECT], masks["mask"]) if DEFECT in arrays else None
        return GroundTruth(**masks, origin=arrays["origin"], voxel=arrays["voxel"], defect=defect)  # type: ignore[arg-type]
    except ModMapError as error:
        raise ModMapError(f"{path}: {error}") from None


def write_ground_truth(path: str | Path, ground_truth: GroundTruth) -> None:
    """Writes `gt.npz`, the masks packed to bits; the same ground truth gives the same bytes."""
    more: dict[str, Any] = {} if ground_truth.unseen is None else {UNSEEN: np.packbits(ground_truth.unseen)}
    if ground_truth.defect is not None:
        more[DEFECT] = ground_truth.defect[ground_truth.mask].astype(np.uint16)
    with atomic_file(Path(path)) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            mask=np.packbits(ground_truth.mask),
            shape=np.array(ground_truth.mask.shape, dtype=np.int64),
            origin=ground_truth.origin,
            voxel=np.float64(ground_truth.voxel),
            **more,
        )


def _checked_mask(name: str, value: Array) -> Array:
    mask = np.asarray(value)
    if mask.ndim != 3 or 0 in mask.shape or mask.dtype.kind not in "bui":
        raise ModMapError(f"{name}: expected (X, Y, Z) of true and false, found {mask.dtype} {mask.shape}")
    if mask.dtype.kind == "i" and mask.min() < 0:
        raise ModMapError(f"{name}: expected 0 and 1, found {mask.min()}")
    return mask.astype(bool)


def _checked_defect(value: Array, mask: Array) -> Array:
    defect = np.asarray(value)
    if defect.shape != mask.shape or defect.dtype.kind not in "ui":
        raise ModMapError(
            f"{DEFECT}: expected integers of the mask's shape {mask.shape}, found {defect.dtype} {defect.shape}"
        )
    if defect.min() < 0 or defect.max() > MOST_DEFECTS:
        raise ModMapError(f"{DEFECT}: expected 0 to {MOST_DEFECTS}, found {defect.min()} to {defect.max()}")
    wrong = np.count_nonzero((defect > 0) != mask)
    if wrong:
        raise ModMapError(
            f"{DEFECT}: expected a number over 0 in the mask alone, found {wrong} voxels otherwise"
        )
    return defect.astype(np.int32)


def _spread(numbers: Array, mask: Array) -> Array:
    """(X, Y, Z) the numbers of a mask's voxels, which come in flat order."""
    inside = _checked_mask("mask", mask)
    count = np.count_nonzero(inside)
    if numbers.shape != (count,) or numbers.dtype.kind not in "ui":
        raise ModMapError(
            f"{DEFECT}: expected {count} integers, one for each voxel of the mask, "
            f"found {numbers.dtype} {numbers.shape}"
        )
    defect = np.zeros(inside.shape, dtype=numbers.dtype)
    defect[inside] = numbers
    return defect


def _unpacked(name: str, bits: Array, shape: Array) -> Array:
    if shape.shape != (3,) or shape.dtype.kind not in "iu" or (shape <= 0).any():
        raise ModMapError(f"shape: expected three positive integers, found {shape.tolist()}")
    count = int(np.prod(shape.astype(object)))
    if count > MOST_VOXELS:
        raise ModMapError(f"shape: expected at most {MOST_VOXELS:,} voxels, found {count:,}")
    if bits.dtype != np.uint8 or bits.ndim != 1 or len(bits) != -(-count // 8):
        raise ModMapError(
            f"{name}: expected {-(-count // 8)} bytes of packed bits for shape {shape.tolist()}, "
            f"found {bits.dtype} {bits.shape}"
        )
    return np.unpackbits(bits, count=count).reshape(shape)


def _floats(name: str, value: Any, *, shape: tuple[int, ...]) -> Array:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ModMapError(f"{name}: expected numbers, found {value!r}") from None
    if array.shape != shape:
        raise ModMapError(f"{name}: expected shape {shape}, found {array.shape}")
    if not np.isfinite(array).all():
        raise ModMapError(f"{name}: expected finite numbers, found {array.tolist()}")
    return array
