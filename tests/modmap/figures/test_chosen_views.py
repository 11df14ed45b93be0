"""Which views a figure shows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from modmap.errors import ModMapError
from modmap.figures.chosen_views import chosen_views
from modmap.scan import Scan


class TestChosenViews:
    def test_chosen_views__asked_for_in_their_order(self, make_scan: Callable[..., Scan]) -> None:
        assert chosen_views(make_scan(views=4), ["03", "01"]).view_ids == ("03", "01")

    def test_chosen_views__six_of_many(self, make_scan: Callable[..., Scan]) -> None:
        assert chosen_views(make_scan(views=12), []).view_ids == ("00", "02", "04", "06", "08", "10")
        assert len(chosen_views(make_scan(views=4), [])) == 4

    def test_chosen_views__unknown_or_twice(self, make_scan: Callable[..., Scan]) -> None:
        with pytest.raises(ModMapError, match="no view '09'; it has 00, 01"):
            chosen_views(make_scan(views=2), ["09"])
        with pytest.raises(ModMapError, match="found 00 twice"):
            chosen_views(make_scan(views=2), ["00", "00"])
