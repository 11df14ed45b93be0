"""Readers and writers of scans: the plain layout, and SiM3D's."""

from modmap.datasets.cameras import write_cameras
from modmap.datasets.ground_truth import GroundTruth, read_ground_truth, write_ground_truth
from modmap.datasets.layouts import find_scans, load_scan, scan_directories
from modmap.datasets.plain import write_scan
from modmap.datasets.sim3d import SiM3D

__all__ = [
    "GroundTruth",
    "SiM3D",
    "find_scans",
    "load_scan",
    "read_ground_truth",
    "scan_directories",
    "write_cameras",
    "write_ground_truth",
    "write_scan",
]
