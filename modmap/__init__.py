"""Multi-view image + depth anomaly detection in 3D from one nominal scan (Modulate-and-Map)."""

from modmap.camera import Camera
from modmap.config import ModMapConfig
from modmap.detector import ModMap
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
