"""The metrics of the evaluation: I-AUROC, average precision, V-AUPRO."""

from modmap.metrics.defect_labels import label_defects
from modmap.metrics.instance import average_precision, instance_auroc
from modmap.metrics.volume_aupro import DefectArea, VolumeAUPRO, volume_aupro

__all__ = [
    "DefectArea",
    "VolumeAUPRO",
    "average_precision",
    "instance_auroc",
    "label_defects",
    "volume_aupro",
]
