"""From an anomaly volume to a list of defects: where in millimetres, how large, and which views show them."""

from modmap.defects.defect import Defect, DefectView, OrientedBox
from modmap.defects.files import read_defects, write_defects
from modmap.defects.search import find_defects

__all__ = ["Defect", "DefectView", "OrientedBox", "find_defects", "read_defects", "write_defects"]
