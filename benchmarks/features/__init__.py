"""Depth features other than a frozen ViT's, for the comparisons of Table 4."""
