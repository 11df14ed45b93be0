"""What each of the paper's ablations compares, as settings of the same model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.evaluations.data_set_run import Setup
from benchmarks.features.fpfh import FPFHFeatures
from modmap.config import merged
from modmap.encoding.known_encoders import KNOWN
from modmap.encoding.store import resolve, store_directory
from modmap.errors import ModMapError

DINO_V2, DINO_V3 = "dinov2_vits14", "dinov3_vits16"


@dataclass(frozen=True)
class Given:
    """Encoders and checkpoints that only the user can give."""

    dino_depth: str | None = None
    """A depth encoder that dino_depth trained, for tables 4 and 5."""
    split_a: str | None = None
    """One trained on split A, for table 5."""
    split_b: str | None = None
    """One trained on split B, for table 5."""
    split_c: str | None = None
    """One trained on split C, for table 5."""
    views: tuple[int, ...] = (36, 18, 9, 5)
    """Numbers of views, for table 8."""


@dataclass(frozen=True)
class Published:
    """Where the paper's number for a variant stands in `published_results.csv`."""

    method: str
    variant: str = ""
    features: str | None = None


@dataclass(frozen=True)
class Variant:
    """One row of a table.

    Attributes:
        name: As the row is called.
        settings: That it changes.
        setup: Real or rendered training scan.
        views: Only so many views of each scan.
        depth_features: In place of the depth encoder.
        lacks: What it needs that isn't here; empty if it can be run.
        published: The paper's row.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    setup: Setup = "real2real"
    views: int | None = None
    depth_features: type[FPFHFeatures] | None = None
    lacks: str = ""
    published: Published | None = None


PER_VIEW = {"mapping": {"cross_view": False}}


def variants_of(table: int, given: Given) -> list[Variant]:
    """The rows of a table."""
    makers: dict[int, Callable[[Given], list[Variant]]] = {
        3: _view_conditioning,
        4: _depth_features,
        5: _pretraining_splits,
        6: _cross_view,
        7: _multi_class,
        8: _number_of_views,
        9: _image_features,
        10: _aggregation,
    }
    return makers[table](given)


def _view_conditioning(_: Given) -> list[Variant]:
    return [
        Variant(
            f"view conditioning {'on' if on else 'off'}, FPFH, per view",
            merged(PER_VIEW, {"mapping": {"view_conditioning": on}}),
            depth_features=FPFHFeatures,
            published=Published("CFM", f"view_conditioning={'yes' if on else 'no'}"),
        )
        for on in (False, True)
    ]


def _depth_features(given: Given) -> list[Variant]:
    return [
        Variant(
            "FPFH", PER_VIEW, depth_features=FPFHFeatures, published=Published("CFM+view", features="FPFH")
        ),
        Variant(
            "Point-MAE",
            lacks="a Point-MAE checkpoint and its CUDA kernels",
            published=Published("CFM+view", features="Point-MAE"),
        ),
        _with_depth("DINO-v2 on depth", DINO_V2, Published("CFM+view", features="DINO-v2"), "robust"),
        _with_depth("DINO-Depth", given.dino_depth, Published("CFM+view", features="DINO-Depth")),
    ]


def _pretraining_splits(given: Given) -> list[Variant]:
    samples = {"A": 19647, "B": 23896, "C": 46528}
    references = {"A": given.split_a, "B": given.split_b, "C": given.split_c or given.dino_depth}
    return [
        _with_depth(
            f"split {split}",
            references[split],
            Published("CFM+view", f"train_split={split};samples={count}"),
        )
        for split, count in samples.items()
    ]


def _cross_view(_: Given) -> list[Variant]:
    return [
        Variant(
            f"cross-view {'on' if on else 'off'}",
            {"mapping": {"cross_view": on}},
            published=Published("ModMap", f"cross_view={'yes' if on else 'no'}"),
        )
        for on in (False, True)
    ]


def _multi_class(_: Given) -> list[Variant]:
    setups: tuple[Setup, ...] = ("real2real", "synth2real")
    return [
        Variant(
            name,
            {"mapping": {"class_conditioning": conditioned}},
            setup=setup,
            published=Published("ModMap", name),
        )
        for setup in setups
        for name, conditioned in (("class-specific", False), ("multi-class", True))
    ]


def _number_of_views(given: Given) -> list[Variant]:
    return [
        Variant(f"{count} views", views=count, published=Published("ModMap", f"views={count}"))
        for count in given.views
    ]


def _image_features(_: Given) -> list[Variant]:
    rows = []
    for name, reference in (("DINO-v3", DINO_V3), ("DINO-v2", DINO_V2)):
        encoders = {
            "image_encoder": {"reference": reference},
            "depth_encoder": {"reference": reference, "normalisation": "robust"},
        }
        rows.append(
            Variant(
                f"{name} for both modalities, per view",
                merged(PER_VIEW, encoders),
                lacks=_missing(reference),
                published=Published("CFM+view", features=name),
            )
        )
    return rows


def _aggregation(_: Given) -> list[Variant]:
    return [
        Variant(how, {"inference": {"aggregation": how}}, published=Published("ModMap", f"aggregation={how}"))
        for how in ("max", "min", "prod", "mean")
    ]


def _with_depth(
    name: str, reference: str | None, published: Published, normalisation: str = "auto"
) -> Variant:
    if reference is None:
        return Variant(
            name, lacks="an encoder that dino_depth trained (--dino-depth PATH)", published=published
        )
    settings = {"depth_encoder": {"reference": reference, "normalisation": normalisation}}
    return Variant(name, merged(PER_VIEW, settings), lacks=_missing(reference), published=published)


def _missing(reference: str) -> str:
    """What a reference lacks to be loaded here; empty if nothing. A known encoder that isn't here may be fetched."""
    if reference in KNOWN and (store_directory() / reference).is_dir():
        return ""
    try:
        resolve(reference)
    except ModMapError as error:
        return f"{reference} ({error})"
    return ""
