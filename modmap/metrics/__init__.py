"""The metrics of the evaluation: I-AUROC, average precision, V-AUPRO."""

from modmap.metrics.instance import average_precision, instance_auroc
from modmap.metrics.volume_aupro import DefectArea, VolumeAUPRO, label_defects, volume_aupro

__all__ = [
    "DefectArea",
    "VolumeAUPRO",
    "average_precision",
    "instance_auroc",
    "label_defects",
    "volume_aupro",
]
