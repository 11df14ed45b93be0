"""The model card: what the encoder is, of which data, by which recipe, and with which figures."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from dino_depth.config import PretrainConfig

LICENCE = "apache-2.0"
NON_COMMERCIAL = "CC BY-NC-SA 4.0"
UNKNOWN = "licence not known to this package"
DATA_LICENCES = {
    "mvtec_3d_ad": NON_COMMERCIAL,
    "mvtec_ad": NON_COMMERCIAL,
    "mvtec_loco": NON_COMMERCIAL,
    "mvtec_ad_2": NON_COMMERCIAL,
    "eyecandies": NON_COMMERCIAL,
    "visa": "CC BY 4.0",
    "real_iad_d3": "see its authors",
    "cadscan": "none needed: simulated",
}
"""Under which terms each source says that its data may be used."""
ESTIMATED = ("mvtec_ad", "mvtec_loco", "mvtec_ad_2", "visa")
"""The sources of images, whose depth a model has estimated."""
NORMALISATIONS = {
    "robust": "the 1st to 99th percentile of what was measured spread over [0.1, 1], 0 where nothing was.",
    "reference": "divided by its maximum, 0 where nothing was measured.",
}


def card(
    config: PretrainConfig,
    record: Mapping[str, Any],
    *,
    name: str,
    weights: int,
    figures: Mapping[str, float],
    remarks: str = "",
) -> str:
    """The card of a published directory, Markdown with the hub's front matter.

    Args:
        config: The recipe.
        record: Of the checkpoint: `step`, `steps`, `total_batch`, and `sources`, how many maps each had.
        name: Of the directory.
        weights: How many there are.
        figures: Of a probe; may be empty.
        remarks: Markdown of the publisher's own, such as what the encoder is good for.
    """
    sources: Mapping[str, int] = record.get("sources", {})
    lines = [
        "---",
        f"license: {LICENCE}",
        "library_name: timm",
        "pipeline_tag: image-feature-extraction",
        "tags: [depth, self-supervised, dinov2]",
        "---",
        f"# {name}",
        "",
        f"A ViT for depth maps ({config.model.architecture}, {weights / 1e6:.1f} M weights, one channel), trained from "
        f"{config.model.start_from or 'random weights'} by DINO-v2's objective on depth alone, with spatial "
        "augmentations only.",
        "",
        "```python",
        f'model = timm.create_model("local-dir:{name}", pretrained=True)',
        f'detector = ModMap("fast", depth_encoder="local-dir:{name}")  # modmap',
        "```",
        "",
        f"Input: (B, 1, H, W), depth normalised as `{config.model.depth_normalisation}`: "
        + NORMALISATIONS[config.model.depth_normalisation],
        "",
        *([remarks.strip(), ""] if remarks.strip() else []),
        "## Data",
        "",
        *(_source(source, maps) for source, maps in sources.items()),
        *_restrictions(sources),
        "",
        "## Recipe",
        "",
        f"{record['step']} of {record['steps']} steps of {record['total_batch']} depth maps.",
        "",
        "```json",
        json.dumps(config.model_dump(mode="json", exclude={"run", "data"}), indent=2),
        "```",
    ]
    if figures:
        lines += ["", "## Probe", "", *(f"- {key}: {value:.4g}" for key, value in figures.items())]
    return "\n".join(lines) + "\n"


def card_on_hub(text: str, repo_id: str) -> str:
    """The card as it is right on the hub: its title and its examples name the repo."""
    titled = re.sub(r"^# .*$", f"# {repo_id.partition('/')[2]}", text, count=1, flags=re.MULTILINE)
    return re.sub(r'"local-dir:[^"]*"', f'"hf-hub:{repo_id}"', titled)


def _source(source: str, maps: int) -> str:
    depth = "depth maps estimated from images" if source in ESTIMATED else "depth maps"
    return f"- {source}: {maps} {depth} ({DATA_LICENCES.get(source, UNKNOWN)})"


def _restrictions(sources: Mapping[str, int]) -> list[str]:
    """What the licence of the weights doesn't settle."""
    bound = [name for name in sources if DATA_LICENCES.get(name) == NON_COMMERCIAL]
    if not bound:
        return []
    return [
        "",
        f"The licence of this repo is that of its files. {', '.join(bound)} may not be used commercially; whether that "
        "extends to weights trained on them is for their user to judge.",
    ]
