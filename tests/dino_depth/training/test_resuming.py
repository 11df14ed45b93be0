"""What a user is told of the settings that keep a run's batch; resuming itself is tested where runs are launched."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from dino_depth.training.resuming import _recipe, _to_keep


class TestToKeep:
    @given(total=st.integers(1, 4096), batch=st.integers(1, 512), processes=st.integers(1, 64))
    def test_to_keep__the_settings_named_make_the_batch(self, total: int, batch: int, processes: int) -> None:
        advice = _to_keep(total, batch, processes)
        if total % processes:
            assert advice == f"resume with a number of processes that divides {total}"
            return
        found = re.fullmatch(r"resume with --optim.batch_per_gpu (\d+) --optim.accumulate (\d+)", advice)
        assert found is not None
        per_gpu, accumulate = int(found[1]), int(found[2])
        assert per_gpu * accumulate * processes == total
        assert batch % per_gpu == 0  # a batch that fits the GPU


class TestRecipe:
    def test_recipe__how_a_step_is_shared_out_may_change(self) -> None:
        config = {
            "seed": 3,
            "optim": {"lr": 0.1, "batch_per_gpu": 4, "accumulate": 2},
            "data": {"corpus": "shapes", "workers": 8},
            "run": {"out": "runs"},
        }
        assert _recipe(config) == {"seed": 3, "optim": {"lr": 0.1}, "data": {"corpus": "shapes"}}
