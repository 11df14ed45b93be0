"""DINO-v2's objective for single-channel depth maps."""
