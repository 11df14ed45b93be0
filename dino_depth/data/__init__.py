"""Depth maps in, batches of crops and masks out."""
