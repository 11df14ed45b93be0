"""Scans made of what scanners, cameras and other programs store: one file a format, all to the plain layout."""
