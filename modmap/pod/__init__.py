"""Probability of detection: defects put into good scans of the user's own part, and the detector asked."""
