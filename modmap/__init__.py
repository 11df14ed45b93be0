"""Multi-view image + depth anomaly detection in 3D from one nominal scan (Modulate-and-Map)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modmap.camera import Camera
    from modmap.config import ModMapConfig
    from modmap.detector.model import ModMap
    from modmap.errors import ModMapError
    from modmap.result import Result
    from modmap.scan import Scan, View
    from modmap.volume import AnomalyVolume, VoxelGrid

__all__ = [
    "AnomalyVolume",
    "Camera",
    "ModMap",
    "ModMapConfig",
    "ModMapError",
    "Result",
    "Scan",
    "View",
    "VoxelGrid",
]

# Looked up when first used: torch and timm take seconds to import, which `modmap --help` need not wait for.
_HOMES = {
    "AnomalyVolume": "volume",
    "Camera": "camera",
    "ModMap": "detector.model",
    "ModMapConfig": "config",
    "ModMapError": "errors",
    "Result": "result",
    "Scan": "scan",
    "View": "scan",
    "VoxelGrid": "volume",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
