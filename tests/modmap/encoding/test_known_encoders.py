"""The known encoders are what timm publishes."""

from __future__ import annotations

import pytest
import timm

from modmap.encoding.known_encoders import KNOWN, known_encoder, published_as
from modmap.errors import ModMapError


class TestKnown:
    @pytest.mark.parametrize("name", list(KNOWN))
    def test_known__is_what_timm_publishes(self, name: str) -> None:
        known = KNOWN[name]
        published = timm.get_pretrained_cfg(known.hub_id.removeprefix("timm/"))
        assert (published.hf_hub_id, published.architecture) == (known.hub_id, known.architecture)
        assert published.license.replace("-", " ").lower() == known.licence.replace("-", " ").lower()


class TestKnownEncoder:
    def test_known_encoder__names_the_nearest_name(self) -> None:
        with pytest.raises(
            ModMapError, match="unknown encoder 'dino2_vit_s14': did you mean 'dinov2_vits14'"
        ):
            known_encoder("dino2_vit_s14")


class TestPublishedAs:
    def test_published_as__by_the_repository(self) -> None:
        known = KNOWN["dinov2_vits14"]
        assert published_as("timm/vit_small_patch14_dinov2.lvd142m") is known
        assert published_as("someone/vit_small_patch14_dinov2.lvd142m") is None
