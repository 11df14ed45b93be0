"""Which maps a probe looks at, and what it asks of their patches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset

from dino_depth.data.corpus import decode_depth, depth_row, open_corpus
from dino_depth.data.normalisation import normalise
from dino_depth.errors import DinoDepthError
from dino_depth.probing.maps import patch_targets, probe_maps
from tests.dino_depth.tiny_corpus import write_tiny_corpus


def maps_of(categories: list[str], **columns: list[Any]) -> Dataset:
    rng = np.random.default_rng(0)
    rows = [
        depth_row(rng.uniform(1, 9, (20, 20)).astype(np.float32), source="set", category=name)
        for name in categories
    ]
    table = {
        name: [row[name] for row in rows if row] for name in ("depth", "scale", "source", "category", "hash")
    }
    return Dataset.from_dict({**table, **columns})


class TestProbeMaps:
    def test_probe_maps__chosen_all_over_the_corpus_and_the_same_every_time(self, tmp_path: Path) -> None:
        corpus = open_corpus(write_tiny_corpus(tmp_path / "corpus", maps=40))
        one, again = (
            probe_maps(corpus, size=56, patch=14, depth_normalisation="robust", count=20) for _ in range(2)
        )
        assert one.inputs.shape == (20, 1, 56, 56)
        assert torch.equal(one.inputs, again.inputs)
        assert torch.equal(one.held, again.held)
        assert int(one.held.sum()) == 6
        every = probe_maps(corpus, size=56, patch=14, depth_normalisation="robust", count=100)
        places = [int((every.inputs == chosen).flatten(1).all(1).nonzero()[0]) for chosen in one.inputs]
        assert places == sorted(set(places))
        assert places[0] < 10
        assert places[-1] >= 30

    def test_probe_maps__normalised_whole_then_resized(self) -> None:
        corpus = maps_of(["a", "b"])
        maps = probe_maps(corpus, size=20, patch=10, depth_normalisation="reference")
        for row, found in zip(corpus, maps.inputs, strict=True):
            np.testing.assert_array_equal(found[0], normalise(decode_depth(row), "reference"))

    def test_probe_maps__a_wide_map_is_set_in_a_square_of_holes(self) -> None:
        depth = np.random.default_rng(0).uniform(1, 9, (10, 20)).astype(np.float32)
        rows = [depth_row(depth, source="set", category=name) for name in "ab"]
        maps = probe_maps(Dataset.from_list(rows), size=20, patch=10, depth_normalisation="reference")
        np.testing.assert_array_equal(maps.inputs[0, 0, 5:15], normalise(decode_depth(rows[0]), "reference"))
        assert not maps.inputs[:, 0, :5].any()
        assert not maps.inputs[:, 0, 15:].any()

    @pytest.mark.parametrize("column", [True, False])
    def test_probe_maps__parts(self, column: bool) -> None:
        names = ["gear", "gear", "gear", "elbow"]
        numbers = [7, 7, 8, 7]
        if column:
            corpus = maps_of(names, part=numbers)
        else:
            corpus = maps_of([f"{name}/{number:04d}" for name, number in zip(names, numbers, strict=True)])
        maps = probe_maps(corpus, size=20, patch=10, depth_normalisation="robust")
        assert list(maps.categories) == names
        assert maps.parts[0] == maps.parts[1]
        assert len(set(maps.parts)) == 3
        assert maps.held[0] == maps.held[1]

    def test_probe_maps__without_part_ids_each_map_is_a_part(self) -> None:
        maps = probe_maps(maps_of(["a", "a/b", "a"]), size=20, patch=10, depth_normalisation="robust")
        assert maps.categories == ("a", "a/b", "a")
        assert len(set(maps.parts)) == 3

    def test_probe_maps__one_part(self) -> None:
        with pytest.raises(DinoDepthError, match="expected maps of at least two parts, found 3 maps of one"):
            probe_maps(maps_of(["a/1"] * 3), size=20, patch=10, depth_normalisation="robust")


class TestPatchTargets:
    def test_patch_targets__of_a_ramp_with_a_hole(self) -> None:
        depth = np.repeat(np.linspace(0.2, 1.0, 80, dtype=np.float32)[:, None], 80, axis=1)
        depth[30:50, 30:50] = 0
        mean, slopes, inside = patch_targets(depth, 8)
        assert mean[1, 1] == pytest.approx(depth[10:20].mean(where=depth[10:20] > 0), rel=1e-5)
        np.testing.assert_allclose(slopes[1, 1], [0.8 / 79 * 10, 0], atol=1e-5)
        assert inside[1, 1]
        assert not inside[3:5, 3:5].any()
        assert not inside[0].any()
