"""Batches of a real corpus, by real workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset

from dino_depth.config import CropSettings, MaskSettings, PretrainConfig
from dino_depth.data.corpus import decode_depth, depth_row, features, open_corpus
from dino_depth.data.crops import MultiCrop
from dino_depth.data.loader import Batch, Collate, CropDataset, RowError, batch_loader
from dino_depth.data.masks import block_masks
from dino_depth.data.normalisation import normalise
from dino_depth.data.sampler import Draw, StepSampler, Stream, generator

MAPS = 11
PATCH = 14


def configured(*, workers: int = 0, local_count: int = 2, seed: int = 5) -> PretrainConfig:
    return PretrainConfig.model_validate(
        {
            "seed": seed,
            "crops": {"global_size": 56, "local_size": 28, "local_count": local_count},
            "data": {"workers": workers},
        }
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    rows = []
    for index in range(MAPS):
        depth = 400 + 100 * rng.random((50 + index, 70 - index))
        depth[rng.random(depth.shape) < 0.2] = 0
        rows.append(depth_row(depth, source="noise", category="none", unit_known=index % 2 == 0))
    path = tmp_path_factory.mktemp("corpus") / "maps"
    Dataset.from_list(rows, features=features()).save_to_disk(str(path))
    return path


def batches(corpus: Path, config: PretrainConfig, sampler: StepSampler) -> Iterator[Batch]:
    return iter(batch_loader(open_corpus(corpus), config, sampler, name=str(corpus), patch=PATCH))  # type: ignore[arg-type]


def assert_equal(found: Sequence[Batch], expected: Sequence[Batch]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for tensor, same in zip(one, other, strict=True):
            assert tensor is not None
            assert torch.equal(tensor, same)


class TestBatchLoader:
    def test_batch_loader__is_what_the_objective_takes(self, corpus: Path) -> None:
        config = configured()
        sampler = StepSampler(MAPS, 3, seed=config.seed, process=1, processes=2)
        rows, multi_crop = open_corpus(corpus), MultiCrop(config.crops)
        for batch, draws in islice(zip(batches(corpus, config, sampler), sampler, strict=False), 3):
            crops = [
                multi_crop(
                    normalise(decode_depth(rows[row]), "robust"),
                    generator(config.seed, Stream.CROPS, epoch, position),
                )
                for epoch, position, row in draws
            ]
            global_crops = [one.global_crops[crop] for crop in range(2) for one in crops]
            local_crops = [one.local_crops[crop] for crop in range(2) for one in crops]
            first = draws[0]
            masks = block_masks(
                6, (4, 4), rng=generator(config.seed, Stream.MASKS, first.epoch, first.position)
            )
            taken = np.array([row for _, _, row in draws])
            expected = (np.stack(global_crops), np.stack(local_crops), masks.numpy(), taken)
            for tensor, array in zip(batch, expected, strict=True):
                assert tensor is not None
                assert tensor.is_contiguous()
                np.testing.assert_array_equal(tensor.numpy(), array)

    @pytest.mark.parametrize("workers", [1, 2])
    def test_batch_loader__the_same_for_any_number_of_workers(self, corpus: Path, workers: int) -> None:
        alone, shared = (
            list(islice(batches(corpus, configured(workers=count), StepSampler(MAPS, 3, seed=5)), 7))
            for count in (0, workers)
        )
        assert_equal(shared, alone)

    def test_batch_loader__goes_on_as_if_never_stopped(self, corpus: Path) -> None:
        unbroken = list(islice(batches(corpus, configured(), StepSampler(MAPS, 3, seed=5)), 10))
        for start in range(9):
            resumed = batches(
                corpus, configured(workers=start % 2), StepSampler(MAPS, 3, seed=5, start=start)
            )
            assert_equal(list(islice(resumed, 2)), unbroken[start : start + 2])

    def test_batch_loader__processes_take_the_crops_of_one(self, corpus: Path) -> None:
        whole = next(batches(corpus, configured(), StepSampler(MAPS, 6, seed=5)))
        parts = [
            next(batches(corpus, configured(), StepSampler(MAPS, 3, seed=5, process=process, processes=2)))
            for process in (0, 1)
        ]
        for crop in (0, 1):
            joined = torch.cat([part.global_crops[3 * crop : 3 * crop + 3] for part in parts])
            assert torch.equal(joined, whole.global_crops[6 * crop : 6 * crop + 6])
        assert not torch.equal(parts[0].masks, parts[1].masks)

    def test_batch_loader__epochs_and_seeds_differ(self, corpus: Path) -> None:
        first, second = islice(batches(corpus, configured(), StepSampler(MAPS, MAPS, seed=5)), 2)
        other = next(batches(corpus, configured(seed=6), StepSampler(MAPS, MAPS, seed=5)))
        for batch in (second, other):
            assert not torch.equal(first.global_crops, batch.global_crops)
            assert not torch.equal(first.masks, batch.masks)

    def test_batch_loader__without_local_crops(self, corpus: Path) -> None:
        batch = next(batches(corpus, configured(local_count=0), StepSampler(MAPS, 3, seed=5)))
        assert batch.local_crops is None
        assert batch.to("cpu").local_crops is None

    @pytest.mark.parametrize("workers", [0, 1])
    def test_batch_loader__leaves_the_random_state_alone(self, corpus: Path, workers: int) -> None:
        torch.manual_seed(0)
        before = torch.get_rng_state()
        next(batches(corpus, configured(workers=workers), StepSampler(MAPS, 3, seed=5)))
        assert torch.equal(torch.get_rng_state(), before)

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="memory is pinned for a GPU")
    def test_batch_loader__pinned_memory(self, corpus: Path) -> None:
        loader = batch_loader(
            open_corpus(corpus),
            configured(workers=1),
            StepSampler(MAPS, 3, seed=5),
            name="corpus",
            patch=PATCH,
            pin_memory=True,
        )
        batch: Any = next(iter(loader))
        assert isinstance(batch, Batch)
        assert batch.global_crops.is_pinned()
        expected = next(batches(corpus, configured(), StepSampler(MAPS, 3, seed=5)))
        moved = batch.to("cuda")
        torch.cuda.synchronize()
        assert_equal([moved.to("cpu")], [expected])

    @pytest.mark.parametrize("workers", [0, 2])
    def test_batch_loader__a_damaged_row_is_one_line(
        self, corpus: Path, workers: int, tmp_path: Path
    ) -> None:
        rows = [dict(row) for row in open_corpus(corpus)]
        rows[4]["depth"] = rows[4]["depth"][:200]
        damaged = tmp_path / "damaged"
        Dataset.from_list(rows, features=features()).save_to_disk(str(damaged))
        with pytest.raises(RowError) as error:
            list(islice(batches(damaged, configured(workers=workers), StepSampler(MAPS, 2, seed=5)), 5))
        message = str(error.value)
        assert message.startswith(f"{damaged}: row 4, hash {rows[4]['hash']}: ")
        assert "expected a whole PNG, found 200 bytes" in message
        assert "\n" not in message


class TestCropDataset:
    def test_getitem__a_row_that_cannot_be_had_is_named(self) -> None:
        class Broken:
            def __len__(self) -> int:
                return 1

            def __getitem__(self, index: int, /) -> Mapping[str, Any]:
                raise OSError("Corrupted\nfile")

        with pytest.raises(RowError) as error:
            CropDataset(Broken(), configured(), name="maps")[Draw(0, 0, 7)]
        assert str(error.value) == "maps: row 7, hash unknown: Corrupted file"

    def test_getitem__depth_is_normalised_as_the_recipe_says(self, corpus: Path) -> None:
        rows = open_corpus(corpus)
        for method in ("reference", "robust"):
            config = configured().model_copy(
                update={"model": configured().model.model_copy(update={"depth_normalisation": method})}
            )
            crops = CropDataset(rows, config, name="maps")[Draw(1, 2, 3)]
            expected = MultiCrop(config.crops)(
                normalise(decode_depth(rows[3]), method),  # type: ignore[arg-type]
                generator(config.seed, Stream.CROPS, 1, 2),
            )
            np.testing.assert_array_equal(crops.global_crops.numpy(), expected.global_crops)

    def test_len__is_the_corpus(self, corpus: Path) -> None:
        assert len(CropDataset(open_corpus(corpus), configured(), name="maps")) == MAPS


class TestCollate:
    @pytest.mark.parametrize("probability", [0.0, 1.0])
    def test_call__masks_are_as_the_settings_say(self, corpus: Path, probability: float) -> None:
        dataset = CropDataset(open_corpus(corpus), configured(), name="maps")
        collate = Collate(
            0,
            CropSettings(global_size=56),
            MaskSettings(probability=probability, ratio=(0.25, 0.25)),
            patch=PATCH,
        )
        masks = collate([dataset[Draw(0, position, position)] for position in range(2)]).masks
        assert masks.sum(dim=1).tolist() == [4 * probability] * 4
