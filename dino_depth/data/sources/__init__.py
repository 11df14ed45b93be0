"""Readers of published data sets: each a function from a directory to a `Source`."""
