"""Where a made data set or corpus keeps its settings."""

from __future__ import annotations

SETTINGS = "cadscan.json"
