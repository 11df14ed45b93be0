"""The norm that joins evidence, against its formula in plain numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modmap.joining import joined


class TestJoined:
    @given(
        hnp.arrays(
            np.float32, (3, 4, 5), elements=st.sampled_from([np.nan, 0.0, 0.25, 1.0, 3.0, 1000.0, 1e12])
        )
    )
    def test_joined__is_the_norm_of_what_is_said(self, maps: np.ndarray) -> None:
        found = joined(list(maps))
        for place in np.ndindex(4, 5):
            said = [float(one) for one in maps[(slice(None), *place)] if not np.isnan(one)]
            if said:
                assert found[place] == pytest.approx(sum(one**4 for one in said) ** 0.25, rel=1e-5)
            else:
                assert np.isnan(found[place])

    def test_joined__of_one_is_itself(self) -> None:
        one = np.array([[1.0, np.nan]], dtype=np.float32)
        np.testing.assert_array_equal(joined([one]), one)
