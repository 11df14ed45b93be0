"""What every refusal of the simulated scanner is."""

from __future__ import annotations


class CadscanError(ValueError):
    """Something that was asked of the simulated scanner and that cannot be made."""
