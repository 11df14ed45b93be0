"""Nearest neighbours against scikit-learn and cases that can be told by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from dino_depth.probing.neighbours import TEMPERATURE, chance, judged, neighbour_accuracy, why_not


def weights(distances: np.ndarray) -> np.ndarray:
    return np.exp((1 - distances) / TEMPERATURE)


class TestNeighbourAccuracy:
    @pytest.mark.parametrize("views", [1, 3])
    def test_neighbour_accuracy__as_scikit_learn_without_the_maps_own_part(self, views: int) -> None:
        rng = np.random.default_rng(views)
        count = 60 * views
        parts = np.repeat(np.arange(60), views)
        categories = np.array(["gear", "elbow", "pump"])[parts % 3]
        tokens = rng.normal(size=(count, 8)) + 0.8 * np.eye(3, 8)[parts % 3]
        right = []
        for row in range(count):
            others = parts != parts[row]
            model = KNeighborsClassifier(10, weights=weights, metric="cosine", algorithm="brute")
            model.fit(tokens[others], categories[others])
            right.append(model.predict(tokens[row : row + 1])[0] == categories[row])
        found = neighbour_accuracy(torch.from_numpy(tokens), categories.tolist(), parts.tolist())
        assert found == pytest.approx(np.mean(right))
        assert 0.4 < found < 1

    def test_neighbour_accuracy__never_another_view_of_the_same_part(self) -> None:
        """Each part's two views are alike, and each part is opposite to the other one of its category."""
        angles = torch.tensor([0.0, 0.01, 3.0, 3.01, 0.1, 0.11, 3.2, 3.21])
        tokens = torch.stack([angles.cos(), angles.sin()], dim=1)
        categories = ["a"] * 4 + ["b"] * 4
        parts = [0, 0, 1, 1, 2, 2, 3, 3]
        assert neighbour_accuracy(tokens, categories, parts, neighbours=1) == 0
        assert neighbour_accuracy(tokens, categories, range(8), neighbours=1) == 1

    def test_neighbour_accuracy__a_near_one_outvotes_two_far_ones(self) -> None:
        def at(degrees: float) -> list[float]:
            return [np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]

        # Three vote: for the first, one at 5 degrees against two at 40 and 41.
        tokens = torch.tensor([at(0), at(5), at(40), at(-41)])
        assert np.exp(np.cos(np.radians(5)) / TEMPERATURE) > 2 * np.exp(np.cos(np.radians(40)) / TEMPERATURE)
        found = neighbour_accuracy(tokens, ["a", "a", "b", "b"], range(4), neighbours=3)
        assert found == 0.5  # both a; each b has the two a nearer than its like

    def test_neighbour_accuracy__fewer_maps_than_neighbours(self) -> None:
        tokens = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
        assert neighbour_accuracy(tokens, ["a", "a", "b", "b"], range(4), neighbours=10) == 1

    def test_neighbour_accuracy__one_category(self) -> None:
        with pytest.raises(ValueError, match="expected two categories with two parts each, found a with 3"):
            neighbour_accuracy(torch.rand(3, 2), ["a"] * 3, range(3))


class TestJudged:
    def test_judged__leaves_out_a_category_of_one_part(self) -> None:
        categories, parts = ["a", "a", "b", "b", "c", "c"], [0, 1, 2, 2, 3, 4]
        assert judged(categories, parts) == [0, 1, 4, 5]
        assert chance(categories, parts) == 0.5
        assert why_not(categories, parts) is None

    def test_chance__is_the_commonest(self) -> None:
        assert chance(["a", "a", "b", "b", "b"], range(5)) == 0.6

    def test_why_not__names_what_there_is(self) -> None:
        reason = why_not(["random"] * 4 + ["b"] * 2, [0, 0, 1, 1, 2, 2])
        assert reason == "expected two categories with two parts each, found b with 1, random with 2"
        assert judged(["random"] * 4, range(4)) == []
