"""Refinement near a tumour, and distances read from a grid."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from solvers.distance import DistanceMap
from solvers.failures import BadInput
from solvers.refinement import Mesh, refined_near
from solvers.tetrahedra import edge_pairs, volumes_mm3
from tests.solvers.meshes import ball_distance, box_mesh


def to_ball(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.norm(points - 20.0, axis=1) - 6.0


@pytest.fixture(scope="module")
def pair() -> tuple[Mesh, Mesh]:
    coarse = box_mesh((40.0, 40.0, 40.0), (5, 5, 5))
    regions = (coarse.points_mm[coarse.cells].mean(axis=1)[:, 0] > 20.0).astype(np.int32)
    coarse = Mesh(coarse.points_mm, coarse.cells, regions)
    return coarse, refined_near(coarse, to_ball, edge_mm=4.0, radius_mm=5.0, most_nodes=50_000)


def test_that_no_long_edge_is_left_near_the_tumour(pair: tuple[Mesh, Mesh]) -> None:
    fine = pair[1]
    ends = fine.points_mm[edge_pairs(fine.cells)]
    near = to_ball(ends.mean(axis=1)) < 5.0
    assert np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)[near].max() <= 4.0


def test_that_refining_keeps_the_volume_of_each_region(pair: tuple[Mesh, Mesh]) -> None:
    volumes = [
        np.bincount(mesh.regions, weights=volumes_mm3(mesh.points_mm, mesh.cells)) for mesh in pair
    ]
    assert volumes[1] == pytest.approx(volumes[0], rel=1e-12)


def test_that_the_far_side_stays_coarse(pair: tuple[Mesh, Mesh]) -> None:
    coarse, fine = pair
    assert len(coarse.points_mm) < len(fine.points_mm) < 20 * len(coarse.points_mm)


def test_that_a_mesh_too_large_is_refused(pair: tuple[Mesh, Mesh]) -> None:
    with pytest.raises(BadInput, match="more than 500 nodes"):
        refined_near(pair[0], to_ball, edge_mm=2.0, radius_mm=5.0, most_nodes=500)


def test_that_a_distance_is_read_between_voxels_and_beyond_the_grid() -> None:
    arrays = ball_distance((5.0, -3.0, 2.0), 4.0, 10.0)
    grid = DistanceMap(arrays["distance_mm"], arrays["distance_affine"])
    points = np.array([[5.0, 3.3, 2.0], [5.0, -3.0, 30.0]])
    assert grid.at(points) == pytest.approx([2.3, 24.0], abs=0.05)
