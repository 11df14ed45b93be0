"""The few names that settings and arguments are typed with, in one place; importing them costs nothing."""

from __future__ import annotations

from typing import Any, Literal

import numpy.typing as npt

Array = npt.NDArray[Any]

Modality = Literal["image", "depth"]
Evidence = Literal["geometry", "appearance", "texture", "memory"]
Aggregation = Literal["max", "min", "prod", "mean"]
ForegroundMode = Literal["components", "largest_component", "valid"]
Normalisation = Literal["auto", "reference", "robust", "normals"]
Precision = Literal["auto", "float32", "bfloat16"]
PresetName = Literal["inspect", "memory", "fast", "paper"]
VolumeFormat = Literal["npz", "ply", "vti"]

MODALITIES: tuple[Modality, Modality] = ("image", "depth")
EVIDENCE: tuple[Evidence, ...] = ("geometry", "appearance", "texture", "memory")
DEFAULT_FOREGROUND: ForegroundMode = "components"
