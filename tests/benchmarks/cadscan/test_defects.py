"""Defects: closed meshes, known sizes and depths, changes where they are said to be and nowhere else."""

from functools import lru_cache

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree
from scipy.stats import kstest

from benchmarks.cadscan.defects import (
    KINDS,
    LARGEST,
    SMALLEST,
    DefectError,
    add_defects,
    draw_size,
    make_defect,
    redrawn,
)
from benchmarks.cadscan.defects.places import Surface
from benchmarks.cadscan.ground_truth import voxel_size
from benchmarks.cadscan.part import DefectivePart, Part
from benchmarks.cadscan.parts import build

_IMAGE_ONLY = ("stain", "roughness")
_DISPLACED = ("dent", "bump", "scratch", "crack", "warp", "bent_feature")


@lru_cache(maxsize=4)
def _part(category: str) -> Part:
    return build(category, seed=1)


@lru_cache(maxsize=64)
def _defective(category: str, kind: str, size: float = 5.0, seed: int = 0) -> DefectivePart:
    return make_defect(_part(category), kind, size=size, seed=seed)


def _mesh(part: Part) -> trimesh.Trimesh:
    return trimesh.Trimesh(part.vertices, part.faces, process=False)


class TestMakeDefect:
    @pytest.mark.parametrize(
        ("category", "kind"),
        [
            *(("machined_bracket", kind) for kind in KINDS),
            *(
                ("weld_neck_flange", kind)
                for kind in ("dent", "chip", "missing_feature", "bent_feature", "scratch")
            ),
        ],
    )
    def test_make_defect__closed_recorded_and_seen(self, category: str, kind: str) -> None:
        made = _defective(category, kind)
        mesh = _mesh(made.part)
        assert mesh.is_watertight
        assert mesh.is_winding_consistent
        assert mesh.volume > 0
        assert len(made.part.body) == len(made.part.faces)
        (defect,) = made.defects
        assert defect.kind == kind
        assert len(defect.changed_points)
        expected = {"stain": "image", "roughness": "image", "warp": "depth"}.get(kind, "both")
        assert defect.modality == expected
        assert (defect.depth == 0) == (kind in _IMAGE_ONLY)
        assert bool(made.patches) == (kind in (*_IMAGE_ONLY, "scratch", "crack"))

    @pytest.mark.parametrize("kind", KINDS)
    def test_make_defect__every_sample_is_on_the_surface_before_or_after(self, kind: str) -> None:
        made = _defective("machined_bracket", kind)
        points = made.defects[0].changed_points
        before, after = Surface(_part("machined_bracket")), Surface(made.part)
        assert np.minimum(before.distance(points), after.distance(points)).max() < 2e-3

    @pytest.mark.parametrize("kind", [k for k in KINDS if k not in _IMAGE_ONLY])
    def test_make_defect__the_surface_is_as_before_away_from_the_samples(self, kind: str) -> None:
        made = _defective("machined_bracket", kind)
        part, points = _part("machined_bracket"), made.defects[0].changed_points
        samples, _ = trimesh.sample.sample_surface(_mesh(made.part), 20_000, seed=0)
        changed = samples[Surface(part).distance(samples) > 0.03]
        if kind == "warp":  # its outermost part, under a fifth of the peak, does not count as changed
            changed = changed[Surface(part).distance(changed) > 0.25 * made.defects[0].depth]
        if len(changed):
            assert cKDTree(points).query(changed)[0].max() <= voxel_size(part) / 3

    @pytest.mark.parametrize("kind", _IMAGE_ONLY)
    def test_make_defect__image_only_leaves_the_mesh_alone(self, kind: str) -> None:
        made, part = _defective("machined_bracket", kind), _part("machined_bracket")
        assert made.part.vertices.tobytes() == part.vertices.tobytes()
        assert made.part.faces.tobytes() == part.faces.tobytes()

    @pytest.mark.parametrize("size", [1.0, 4.0, 16.0])
    @pytest.mark.parametrize("kind", ["dent", "bump"])
    def test_make_defect__size_and_depth_as_asked(self, kind: str, size: float) -> None:
        made = _defective("machined_bracket", kind, size=size, seed=3)
        (defect,) = made.defects
        assert defect.size == size
        distance = np.linalg.norm(defect.changed_points - defect.centre, axis=1)
        assert distance.max() <= size / 2 + defect.depth + 0.01
        # The mesh has no vertex just at the deepest point, but one near: (1 - rho^2)^1.5 at a rho of 0.05.
        surface = Surface(_part("machined_bracket"))
        moved = surface.distance(made.part.vertices)
        assert moved.max() == pytest.approx(defect.depth, rel=0.02)
        wanted = (0.06 if kind == "dent" else 0.12 * size, 0.15 * size if kind == "dent" else 0.35 * size)
        assert 0.98 * min(wanted) <= defect.depth <= max(0.06, *wanted)

    def test_make_defect__a_dents_profile_is_the_closed_form(self) -> None:
        part = _part("machined_bracket")
        made = _defective("machined_bracket", "dent", size=12.0, seed=3)
        (defect,) = made.defects
        surface = Surface(part)
        normal = surface.normals[surface.nearest(defect.centre[None])[1][0]]
        offset = made.part.vertices - defect.centre
        height, radius = offset @ normal, np.linalg.norm(offset - (offset @ normal)[:, None] * normal, axis=1)
        core = (radius < 1.5) & (np.abs(height) < 2)
        # The outline has lobes of at most 12 percent, so that a radius in the hollow's radii is known to that.
        nearest, furthest = radius[core] / (6 / 1.3), radius[core] / (6 / 1.3 * 0.88)
        shallow, deep = ((1 - rho**2) ** 1.5 for rho in (furthest, nearest))
        assert core.sum() > 20
        assert (-height[core] <= deep * defect.depth * 1.02 + 1e-6).all()
        assert (-height[core] >= shallow * defect.depth * 0.98 - 1e-6).all()

    def test_make_defect__an_extra_hole_has_its_cylinders_volume(self) -> None:
        part = _part("machined_bracket")
        made = _defective("machined_bracket", "extra_hole", size=5.0, seed=0)
        (defect,) = made.defects
        removed = _mesh(part).volume - _mesh(made.part).volume
        assert removed == pytest.approx(np.pi * 2.5**2 * defect.depth, rel=0.02)

    def test_make_defect__a_hole_not_drilled_is_filled(self) -> None:
        part = _part("weld_neck_flange")
        hole = next(f for f in part.features if f.kind == "hole")
        made = _defective("weld_neck_flange", "missing_feature")
        added = _mesh(made.part).volume - _mesh(part).volume
        assert added == pytest.approx(np.pi * hole.size**2 / 4 * hole.depth, rel=0.01)

    @pytest.mark.parametrize(("category", "kind"), [("spur_gear", "tooth"), ("deep_groove_bearing", "ball")])
    def test_make_defect__a_tooth_or_a_ball_gone(self, category: str, kind: str) -> None:
        part = _part(category)
        feature = next(f for f in part.features if f.kind == kind)
        made = make_defect(part, "missing_feature", size=feature.size, seed=1)
        assert _mesh(made.part).is_watertight
        lost = _mesh(part).volume - _mesh(made.part).volume
        if kind == "ball":
            assert lost == pytest.approx(np.pi / 6 * feature.size**3, rel=0.02)
        else:
            # A tooth of 2.25 modules, less a stub of a fifth to a third, is about 1.6 modules thick.
            module = feature.size / 2.25
            assert 0.6 < lost / (1.6 * module * 0.72 * feature.size * feature.depth) < 1.2

    def test_make_defect__same_seed_same_bytes(self) -> None:
        part = _part("weld_neck_flange")
        for kind in ("dent", "chip", "scratch"):
            first, second = (make_defect(part, kind, size=3, seed=7) for _ in range(2))
            assert first.part.vertices.tobytes() == second.part.vertices.tobytes()
            assert first.defects[0].changed_points.tobytes() == second.defects[0].changed_points.tobytes()

    def test_make_defect__unknown_kind(self) -> None:
        with pytest.raises(DefectError, match="no defect kind 'gremlin'"):
            make_defect(_part("weld_neck_flange"), "gremlin", size=3, seed=0)


class TestAddDefects:
    def test_add_defects__apart_from_one_another(self) -> None:
        made = add_defects(
            _part("weld_neck_flange"), seed=4, count=3, kinds=("dent", "chip", "stain"), largest=6
        )
        assert len(made.defects) == 3
        assert _mesh(made.part).is_watertight
        for i, one in enumerate(made.defects):
            for other in made.defects[:i]:
                gap = np.linalg.norm(one.centre - other.centre)
                assert gap > (one.size + other.size) / 2

    def test_add_defects__what_cannot_be_meshed_is_drawn_again(self) -> None:
        part, sizes = _part("weld_neck_flange"), {"smallest": 150.0, "largest": 160.0}
        with pytest.raises(DefectError, match=r"in 10 draws; the last: .* cannot be meshed finely enough"):
            add_defects(part, seed=0, kinds=("dent",), **sizes)
        made = add_defects(part, seed=0, kinds=("dent", "stain"), **sizes)
        assert [defect.kind for defect in made.defects] == ["stain"]


class TestRedrawn:
    def test_redrawn__those_before_it_stay(self) -> None:
        made = add_defects(_part("weld_neck_flange"), seed=4, count=3, kinds=("dent", "stain"), largest=6)
        again = redrawn(made, 1, rng=np.random.default_rng(0), largest=6)
        assert [defect.kind for defect in again.defects] == [defect.kind for defect in made.defects]
        assert again.defects[0] is made.defects[0]
        for one, other in zip(made.defects[1:], again.defects[1:], strict=True):
            assert np.linalg.norm(one.centre - other.centre) > 0.1
        assert len(again.patches) == sum(defect.patch is not None for defect in again.defects)

    def test_redrawn__of_another_kind(self) -> None:
        made = _defective("weld_neck_flange", "missing_feature")
        kinds = {
            redrawn(made, 0, rng=np.random.default_rng(seed), same_kind=False).defects[0].kind
            for seed in range(4)
        }
        assert len(kinds) > 1
        assert not kinds & {"missing_feature", "bent_feature", "warp"}


class TestDrawSize:
    def test_draw_size__log_uniform(self) -> None:
        rng = np.random.default_rng(0)
        sizes = np.array([draw_size(rng) for _ in range(4000)])
        assert sizes.min() >= SMALLEST == 3
        assert sizes.max() <= LARGEST == 20
        share = np.log(sizes / SMALLEST) / np.log(LARGEST / SMALLEST)
        assert kstest(share, "uniform").pvalue > 0.01
