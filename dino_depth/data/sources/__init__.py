"""Readers of published data sets: one file a set, each a function from a directory to a `Source`."""
