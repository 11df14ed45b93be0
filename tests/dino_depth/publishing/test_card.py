"""What a model card says."""

from __future__ import annotations

import yaml

from dino_depth.config import PretrainConfig
from dino_depth.publishing.card import UNKNOWN, card, card_on_hub

RECORD = {"step": 40, "steps": 100, "total_batch": 16, "sources": {"cadscan": 70, "visa": 20, "mine": 10}}


def card_of(sources: dict[str, int], figures: dict[str, float] | None = None) -> str:
    record = {**RECORD, "sources": sources}
    return card(PretrainConfig(), record, name="encoder", weights=21_600_000, figures=figures or {})


class TestCard:
    def test_card__data_with_their_licences(self) -> None:
        text = card_of({"cadscan": 70, "visa": 20, "mine": 10})
        assert "- cadscan: 70 depth maps (none needed: simulated)" in text
        assert "- visa: 20 depth maps estimated from images (CC BY 4.0)" in text
        assert f"- mine: 10 depth maps ({UNKNOWN})" in text
        assert "commercially" not in text

    def test_card__names_what_is_not_for_commerce(self) -> None:
        text = card_of({"mvtec_3d_ad": 5, "cadscan": 1, "eyecandies": 2})
        assert "mvtec_3d_ad, eyecandies may not be used commercially" in text

    def test_card__recipe_figures_and_front_matter(self) -> None:
        text = card_of({"cadscan": 1}, {"smoothness": 0.123456})
        front = yaml.safe_load(text.split("---\n")[1])
        assert front["license"] == "apache-2.0"
        assert front["library_name"] == "timm"
        assert "40 of 100 steps of 16 depth maps" in text
        assert "21.6 M weights" in text
        assert '"prototypes": 65536' in text
        assert "- smoothness: 0.1235\n" in text
        assert "## Probe" not in card_of({"cadscan": 1})

    def test_card__remarks_of_the_publisher(self) -> None:
        record = {**RECORD, "sources": {"cadscan": 1}}
        text = card(
            PretrainConfig(), record, name="e", weights=1, figures={}, remarks="## Use\n\nFor bolts.\n"
        )
        assert "0 where nothing was.\n\n## Use\n\nFor bolts.\n\n## Data\n" in text
        assert text.replace("## Use\n\nFor bolts.\n\n", "") == card(
            PretrainConfig(), record, name="e", weights=1, figures={}
        )

    def test_card_on_hub__names_the_repo(self) -> None:
        text = card_on_hub(card_of({"cadscan": 1}), "org/depth-vit")
        assert "\n# depth-vit\n" in text
        assert 'timm.create_model("hf-hub:org/depth-vit", pretrained=True)' in text
        assert 'ModMap("fast", depth_encoder="hf-hub:org/depth-vit")' in text
        assert "local-dir" not in text
        assert "## Data" in text
