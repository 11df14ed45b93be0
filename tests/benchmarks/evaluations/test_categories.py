"""Which categories an evaluation is of."""

from __future__ import annotations

import pytest

from benchmarks.evaluations.categories import chosen_categories
from modmap.errors import ModMapError


class TestChosenCategories:
    def test_chosen_categories__what_was_asked_in_the_data_sets_order_or_all(self) -> None:
        assert chosen_categories(["cup", "pot"], ["pot"]) == ("pot",)
        assert chosen_categories(["cup", "pot"], []) == ("cup", "pot")
        assert chosen_categories(["cup", "pot"], ["pot", "cup"]) == ("cup", "pot")

    def test_chosen_categories__unknown(self) -> None:
        with pytest.raises(ModMapError, match="categories: expected some of cup, pot, found 'tea'"):
            chosen_categories(("cup", "pot"), ("cup", "tea"))
