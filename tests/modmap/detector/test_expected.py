"""What a good part shows at a place, against a slow, obvious reference."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modmap.detector.expected import TYPICAL, UNSEEN, ExpectedDistances, ScanDistances, learn_and_score

SIDE, VIEWS = 5, 3


def good(
    seed: int, *, views: tuple[int, ...] = (0, 1, 2), category: int = 0, scale: float = 1.0
) -> ScanDistances:
    """A scan with random distances and some places that weren't mapped, the same in both modalities."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(views), SIDE * SIDE)
    hidden = torch.rand(shape, generator=generator) < 0.6
    image, depth = (
        torch.where(hidden, torch.inf, scale * torch.rand(shape, generator=generator)) for _ in range(2)
    )
    return ScanDistances(category, torch.tensor(views), image, depth)


def slowly(scans: list[ScanDistances]) -> np.ndarray:
    """(VIEWS, SIDE, SIDE) expected image distances, one place after the other."""
    values = [float(value) for scan in scans for value in scan.image.flatten() if np.isfinite(value)]
    result = np.zeros((VIEWS, SIDE, SIDE))
    for view in range(VIEWS):
        for y in range(SIDE):
            for x in range(SIDE):
                found = []
                for scan in scans:
                    for row, of in enumerate(scan.view.tolist()):
                        grid = scan.image[row].reshape(SIDE, SIDE)
                        if of == view:
                            found += grid[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].flatten().tolist()
                seen = [value for value in found if np.isfinite(value)]
                base = max(seen) if seen else np.quantile(values, UNSEEN)
                result[view, y, x] = base + np.median(values)
    return result


def edge_slowly(scans: list[ScanDistances]) -> np.ndarray:
    """(VIEWS, SIDE, SIDE) whether a place is on the edge, one place after the other."""
    result = np.zeros((VIEWS, SIDE, SIDE), dtype=bool)
    for view in range(VIEWS):
        grids = [
            np.isfinite(scan.image[scan.view.tolist().index(view)].reshape(SIDE, SIDE).numpy())
            for scan in scans
            if view in scan.view.tolist()
        ]
        for y in range(SIDE):
            for x in range(SIDE):
                near = [grid[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].any() for grid in grids]
                result[view, y, x] = any(near) and not all(grid[y, x] for grid in grids)
    return result


class TestExpectedDistances:
    def test_learn__as_the_slow_reference(self) -> None:
        scans = [good(0), good(1, views=(2, 0))]
        expected = ExpectedDistances(0, VIEWS, SIDE * SIDE)
        expected.learn(scans)
        np.testing.assert_allclose(expected.image[0].reshape(VIEWS, SIDE, SIDE), slowly(scans), rtol=1e-5)

    def test_learn__edge_as_the_slow_reference(self) -> None:
        scans = [good(0), good(1, views=(2, 0)), good(2)]
        expected = ExpectedDistances(0, VIEWS, SIDE * SIDE)
        expected.learn(scans)
        found = expected.edge[0].reshape(VIEWS, SIDE, SIDE).numpy()
        np.testing.assert_array_equal(found, edge_slowly(scans))
        assert 0.2 < found.mean() < 0.99

    def test_learn__classes_apart(self) -> None:
        scans = [good(0), good(1, category=1, scale=10)]
        both, alone = (ExpectedDistances(classes, VIEWS, SIDE * SIDE) for classes in (2, 0))
        both.learn(scans)
        alone.learn(scans[:1])
        torch.testing.assert_close(both.image[0], alone.image[0])
        torch.testing.assert_close(both.depth[0], alone.depth[0])
        assert both.image[1].max() > 5

    def test_relative__of_the_scan_itself_is_never_over_one(self) -> None:
        scan = good(0)
        expected = ExpectedDistances(0, VIEWS, SIDE * SIDE)
        expected.learn([scan])
        image, depth = expected.relative(scan.image, scan.depth, view=scan.view)
        assert image[scan.image.isfinite()].max() <= 1
        assert depth[scan.depth.isfinite()].max() <= 1
        assert torch.equal(image.isinf(), scan.image.isinf())

    def test_relative__edge_is_left_to_the_place_beside_it(self) -> None:
        """A part of the middle 3 x 3 places, and once one column farther right; then a new one."""
        often, wider, new = (torch.full((1, SIDE, SIDE), torch.inf) for _ in range(3))
        often[:, 1:4, 1:4] = wider[:, 1:4, 1:] = new[:, 1:4, 1:] = 0.5
        alone = torch.full((1, SIDE, SIDE), torch.inf)
        alone[:, 1:4, 4] = 0.5
        view = torch.tensor([0])
        expected = ExpectedDistances(0, 1, SIDE * SIDE)
        scans = [(one.flatten(1), one.flatten(1)) for one in (often, wider)]
        expected.learn([ScanDistances(0, view, *one) for one in scans])
        relative = [
            expected.relative(one.flatten(1), one.flatten(1), view=view)[0].reshape(SIDE, SIDE)
            for one in (new, alone)
        ]
        assert relative[0][1:4, 4].isinf().all()
        torch.testing.assert_close(relative[0][1:4, 1:4], torch.full((3, 3), 0.5))  # 0.5 / (0.5 + 0.5)
        torch.testing.assert_close(
            relative[1][1:4, 4], torch.full((3,), 0.5)
        )  # nothing beside it speaks for it

    def test_relative__what_good_parts_never_showed_is_scored(self) -> None:
        part, more = (torch.full((1, SIDE, SIDE), torch.inf) for _ in range(2))
        part[:, :, :2] = more[:, :, :2] = 0.5
        more[:, 2, 3] = 0.9  # a place with nothing of the good part beside it
        expected = ExpectedDistances(0, 1, SIDE * SIDE)
        expected.learn([ScanDistances(0, torch.tensor([0]), part.flatten(1), part.flatten(1))])
        found = expected.relative(more.flatten(1), more.flatten(1), view=torch.tensor([0]))[0]
        assert float(found.reshape(SIDE, SIDE)[2, 3]) == pytest.approx(0.9)

    def test_relative__takes_views_by_index(self) -> None:
        scan = good(0)
        expected = ExpectedDistances(0, VIEWS, SIDE * SIDE)
        expected.learn([scan])
        whole, _ = expected.relative(scan.image, scan.depth, view=scan.view)
        some, _ = expected.relative(scan.image[[2, 0]], scan.depth[[2, 0]], view=torch.tensor([2, 0]))
        torch.testing.assert_close(some, whole[[2, 0]])

    def test_state__goes_with_the_weights(self) -> None:
        one, other = (ExpectedDistances(0, VIEWS, SIDE * SIDE) for _ in range(2))
        one.learn([good(0)])
        other.load_state_dict(one.state_dict())
        torch.testing.assert_close(one.depth, other.depth)
        assert list(one.parameters()) == []


class TestLearnAndScore:
    def test_score__median_of_the_copies_by_the_others(self) -> None:
        base, copies = good(0), [good(seed) for seed in (1, 2, 3)]
        expected = ExpectedDistances(0, VIEWS, SIDE * SIDE)
        score = learn_and_score(expected, [base], copies, aggregation="max")
        whole = ExpectedDistances(0, VIEWS, SIDE * SIDE)
        whole.learn([base, *copies])
        torch.testing.assert_close(expected.image, whole.image)
        slow = []
        for index, copy in enumerate(copies):
            other = ExpectedDistances(0, VIEWS, SIDE * SIDE)
            other.learn([base, *(one for at, one in enumerate(copies) if at != index)])
            edge = edge_slowly([base, *(one for at, one in enumerate(copies) if at != index)])
            inner = copy.image.isfinite().reshape(VIEWS, SIDE, SIDE).numpy() & ~edge
            mapped = copy.image.isfinite().clone().reshape(VIEWS, SIDE, SIDE)
            for view, y, x in np.argwhere(mapped.numpy() & edge).tolist():
                mapped[view, y, x] = not inner[view, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].any()
            mapped = mapped.reshape(VIEWS, -1)
            largest = torch.maximum(copy.image / other.image[0], copy.depth / other.depth[0])
            slow.append(float(np.quantile(largest[mapped].numpy(), TYPICAL)))
        assert score == pytest.approx(np.median(slow))
