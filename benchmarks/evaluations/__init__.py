"""Evaluations: SiM3D and single-view sets, ablations, defects, thresholds."""
