"""FPFH against a slow computation from its definition, and against what it must not depend on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import open3d as o3d
import pytest
import torch

from benchmarks.features.choice import make_encoder
from benchmarks.features.fpfh import (
    FEATURE_VOXELS,
    HISTOGRAM_SUM,
    MOST_NEIGHBOURS,
    NORMAL_VOXELS,
    FPFHFeatures,
    camera_points,
    pixel_features,
    point_features,
)
from modmap.config import EncoderSettings
from modmap.encoding.square import Square
from modmap.encoding.token_cache import TokenCache
from modmap.errors import ModMapError
from modmap.foreground import foreground_mask
from modmap.scan import Camera, Frame
from tests.synthetic_scans import ball_scan

Array = npt.NDArray[Any]


def frame() -> Frame:
    """A ball with a dent, seen by one camera."""
    view = ball_scan(views=1, width=80, height=60).views[0]
    depth = np.array(view.depth)
    depth[28:34, 36:42] += 6
    return Frame("00", np.array(view.image), depth, view.camera)


def pair_angles(p: Array, n: Array, q: Array, m: Array) -> tuple[float, float, float]:
    """(theta, alpha, phi) in the Darboux frame of the point whose normal is nearer to the line between the two."""
    line = (q - p) / np.linalg.norm(q - p)
    if abs(n @ line) < abs(m @ line):
        p, n, q, m, line = q, m, p, n, -line
    u = n
    v = np.cross(line, u)
    v = v / np.linalg.norm(v)
    w = np.cross(u, v)
    return float(np.arctan2(w @ m, u @ m)), float(v @ m), float(u @ line)


def slow_histograms(points: Array, normals: Array, radius: float) -> Array:
    """(K, 33) from the definition: a point's own histograms, and its neighbours' by 1 / squared distance."""
    count = len(points)
    own = np.zeros((count, 33))
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    near = [[j for j in np.flatnonzero(distance[i] <= radius) if j != i] for i in range(count)]
    for i in range(count):
        for j in near[i]:
            theta, alpha, phi = pair_angles(points[i], normals[i], points[j], normals[j])
            shares = ((theta + np.pi) / (2 * np.pi), (alpha + 1) / 2, (phi + 1) / 2)
            for histogram, share in enumerate(shares):
                own[i, 11 * histogram + min(int(11 * share), 10)] += 100 / len(near[i])
    found = np.zeros((count, 33))
    for i in range(count):
        weighted = sum((own[j] / distance[i, j] ** 2 for j in near[i]), np.zeros(33))
        for start in (0, 11, 22):
            total = weighted[start : start + 11].sum()
            if total > 0:
                found[i, start : start + 11] = 100 * weighted[start : start + 11] / total
    return (found + own) / 200


class TestPointFeatures:
    def test_point_features__equals_the_definition(self) -> None:
        view = frame()
        points = camera_points(view, view.depth > 0)
        voxel = 12.0
        found = point_features(points, voxel=voxel)
        cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points)).voxel_down_sample(voxel)
        cloud.estimate_normals(o3d.geometry.KDTreeSearchParamHybrid(NORMAL_VOXELS * voxel, 30))
        cloud.orient_normals_towards_camera_location(np.zeros(3))
        places, ours = np.asarray(cloud.points), np.lexsort(found.points.T)
        order = np.lexsort(places.T)
        np.testing.assert_allclose(found.points[ours], places[order])
        slow = slow_histograms(places, np.asarray(cloud.normals), FEATURE_VOXELS * voxel)[order]
        # Out of a sum of 3: a pair whose angle lies on the border of two bins may fall into either.
        difference = np.abs(found.features[ours] - slow).sum(axis=1)
        assert np.median(difference) < 0.01
        assert np.quantile(difference, 0.9) < 0.1

    def test_point_features__are_open3ds_of_the_thinned_cloud(self) -> None:
        """By its older interface, in its own order of the points, on which the last bits of the normals depend."""
        view = frame()
        points = camera_points(view, view.depth > 0)
        cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points)).voxel_down_sample(6.0)
        cloud.estimate_normals(o3d.geometry.KDTreeSearchParamHybrid(NORMAL_VOXELS * 6, 30))
        cloud.orient_normals_towards_camera_location(np.zeros(3))
        around = o3d.geometry.KDTreeSearchParamHybrid(FEATURE_VOXELS * 6, MOST_NEIGHBOURS)
        theirs = o3d.pipelines.registration.compute_fpfh_feature(cloud, around).data.T  # type: ignore[call-arg]
        found = point_features(points, voxel=6.0)
        order = np.lexsort(np.asarray(cloud.points).T)
        features = found.features[np.lexsort(found.points.T)]
        # A pair whose angle lies on the border of two bins may fall into either.
        np.testing.assert_allclose(features, theirs[order] / HISTOGRAM_SUM, atol=0.02)
        assert np.median(np.abs(features - theirs[order] / HISTOGRAM_SUM)) < 1e-7

    def test_point_features__histograms_sum_to_one(self) -> None:
        view = frame()
        found = point_features(camera_points(view, view.depth > 0), voxel=8.0)
        sums = found.features.reshape(-1, 3, 11).sum(axis=2)
        np.testing.assert_allclose(sums, 1, atol=1e-5)

    def test_pixel_features__nearest_thinned_point(self) -> None:
        view = frame()
        mask = view.depth > 0
        points = camera_points(view, mask)
        features = pixel_features(view, mask, voxel=8.0)
        thinned = point_features(points, voxel=8.0)
        for pixel in range(0, len(points), 97):
            nearest = np.linalg.norm(thinned.points - points[pixel], axis=1).argmin()
            np.testing.assert_array_equal(features[pixel], thinned.features[nearest])


class TestFPFHFeatures:
    def test_tokens__on_the_part_only_and_the_dent_stands_out(self) -> None:
        view = frame()
        tokens = FPFHFeatures(8).tokens(view).reshape(8, 8, 33)
        mask, _ = foreground_mask(view.depth)
        assert not mask[0, 0]
        assert not tokens[0, 0].any()
        assert tokens[4, 4].sum() == pytest.approx(3, abs=1e-4)
        smooth = torch.nn.functional.normalize(tokens, dim=2)
        # The middle token holds the dent; it is farther from the ball's other tokens than they are from each other.
        inner = smooth[2:6, 2:6].reshape(16, 33)
        distance = 1 - inner @ inner.T
        assert distance.mean(dim=1).argmax() in (5, 6, 9, 10)

    def test_tokens__finer_than_the_points_are_near_those_of_a_coarser_grid(self) -> None:
        """More tokens than points along a side: none of the part's is empty, and each is that of its place."""
        view = frame()
        fine, coarse = FPFHFeatures(240).tokens(view), FPFHFeatures(80).tokens(view)
        mask, _ = foreground_mask(view.depth)
        touched = Square(*view.depth.shape, grid=240).tokens_touched(mask)
        assert bool((fine.sum(dim=1)[torch.from_numpy(touched.ravel())] > 2.9).all())
        rows, columns = np.nonzero(touched)
        beside = coarse.reshape(80, 80, 33)[rows // 3, columns // 3]
        gaps = torch.nn.functional.cosine_similarity(fine.reshape(240, 240, 33)[rows, columns], beside)
        assert float(gaps.median()) > 0.9

    def test_tokens__the_lens_distorts_the_view_not_the_part(self, tmp_path: Path) -> None:
        """A plane, seen through a lens that bends it, is a plane, and its tokens lie where they are seen."""
        height, width = 96, 128
        K = np.array([[100.0, 0, 63.5], [0, 100, 47.5], [0, 0, 1]])
        pinhole = Camera(K, np.eye(4), size=(width, height))
        bent = replace(pinhole, distortion=np.array([-0.1, 0.02, 0, 0]))
        mask = np.ones((height, width), bool)
        plane = Frame(
            "00", np.zeros((height, width), np.uint8), np.full((height, width), 500, np.float32), bent
        )
        points = camera_points(plane, mask)
        uv = cv2.undistortPoints(
            np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
            .reshape(-1, 1, 2)
            .astype(float),
            K,
            bent.distortion,
        )[:, 0]
        np.testing.assert_allclose(points[:, :2] / 500, uv, atol=1e-3)
        # What is measured in one corner is described in that corner's tokens, and in no other.
        corner = np.zeros((height, width), np.float32)
        corner[4:17, 5:22] = 500
        part = replace(plane, depth=corner)
        touched = Square(height, width, grid=32).tokens_touched(corner > 0)
        found = FPFHFeatures(32).tokens(part).numpy().reshape(32, 32, 33).any(axis=2)
        np.testing.assert_array_equal(found, touched)
        cache = TokenCache(tmp_path)
        for one in (bent, pinhole):
            FPFHFeatures(32).tokens(replace(part, camera=one), cache=cache)
        assert len(list(tmp_path.glob("??/*.npy"))) == 2

    def test_tokens__every_pixel_of_the_part_is_described(self) -> None:
        """A speck beside the part is of it where every measured pixel is to be."""
        view = frame()
        depth = view.depth.copy()
        assert not depth[:2, :2].any()
        depth[:2, :2] = depth.max()
        view = replace(view, depth=depth)
        found = [
            FPFHFeatures(20, foreground=mode).tokens(view).reshape(20, 20, 33).abs().sum(dim=2) > 0
            for mode in ("components", "valid")
        ]
        assert int(found[1].sum()) > int(found[0].sum())
        encoder = make_encoder(
            EncoderSettings(reference="fpfh"), "depth", size=0, grid=20, foreground="valid"
        )
        assert encoder is not None
        assert torch.equal(encoder.tokens(view).reshape(20, 20, 33).abs().sum(dim=2) > 0, found[1])

    def test_tokens__needs_a_camera(self) -> None:
        view = frame()
        with pytest.raises(ModMapError, match="view 00: FPFH needs a camera, found none"):
            FPFHFeatures(8).tokens(Frame("00", view.image, view.depth))
