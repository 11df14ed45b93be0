"""How the largest score of a good scan is distributed: the limit law of maxima."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from modmap.types import Array


class LargestScores(BaseModel):
    """A Gumbel distribution of the largest score of a good scan, or of one of its views.

    Attributes:
        location: Its mode.
        scale: Its width, not negative; 0 where all largest scores are the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    location: float
    scale: float = Field(ge=0)

    @classmethod
    def of(cls, values: Sequence[float]) -> LargestScores:
        """The distribution of some largest scores, by the method of moments.

        Args:
            values: At least one; of a single one nothing is known but that.
        """
        scale = float(np.std(values, ddof=1)) * math.sqrt(6) / math.pi if len(values) > 1 else 0.0
        return cls(location=float(np.mean(values)) - float(np.euler_gamma) * scale, scale=scale)

    def of_several(self, draws: int) -> LargestScores:
        """The distribution of the largest of so many independent draws."""
        return LargestScores(location=self.location + self.scale * math.log(draws), scale=self.scale)

    def threshold(self, rate: float) -> float:
        """The score that is exceeded with a probability.

        Args:
            rate: In (0, 1).
        """
        return self.location - self.scale * math.log(-math.log1p(-rate))

    def p_values(self, scores: Array) -> Array:
        """How probable it is that the largest is at least as large.

        Args:
            scores: Of any shape; NaN stays.

        Returns:
            Of the same shape, float64 in [0, 1].
        """
        scores = np.asarray(scores, dtype=np.float64)
        if self.scale == 0:
            return np.where(np.isnan(scores), np.nan, (scores <= self.location).astype(np.float64))
        exponent = np.minimum((self.location - scores) / self.scale, 700.0)
        return np.asarray(-np.expm1(-np.exp(exponent)))
