"""Fields between a mesh and voxels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from solvers.failures import BadInput
from solvers.gridded import on_grid, on_mesh
from solvers.refinement import Mesh
from solvers.voxelmesh import voxel_mesh
from tests.solvers.meshes import box_mesh

Reals = NDArray[np.float64]
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = 1.3 * Rotation.from_euler("xyz", (0.4, -0.3, 0.5)).as_matrix()
OBLIQUE[:3, 3] = (2.0, -6.0, 0.0)
SHAPE = (16, 17, 18)


def block() -> Mesh:
    return box_mesh((20.0, 18.0, 16.0), (6, 5, 4), jitter=0.2)


def linear(points: Reals) -> Reals:
    return np.asarray(0.5 + points @ (0.01, -0.02, 0.03))


def centres(affine: Reals, shape: tuple[int, int, int]) -> Reals:
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return np.asarray(index @ affine[:3, :3].T + affine[:3, 3])


def test_that_a_linear_field_is_exact_inside_and_as_told_outside() -> None:
    mesh, places = block(), centres(OBLIQUE, SHAPE)
    found = on_grid(mesh, linear(mesh.points_mm), SHAPE, OBLIQUE, outside=np.nan).values
    inside = ((places > 0.0) & (places < (20.0, 18.0, 16.0))).all(axis=-1)
    assert 100 < inside.sum() < inside.size
    assert np.array_equal(np.isfinite(found), inside)
    assert np.allclose(found[inside], linear(places)[inside])
    zeros = on_grid(mesh, linear(mesh.points_mm), SHAPE, OBLIQUE).values
    assert (zeros[~inside] == 0.0).all()


def test_that_days_are_moved_at_once_and_the_amount_is_told() -> None:
    mask = np.random.default_rng(0).random((9, 8, 7)) < 0.5
    mesh = voxel_mesh(mask, OBLIQUE)
    days = np.stack([np.ones(len(mesh.points_mm)), linear(mesh.points_mm)])
    found = on_grid(mesh, days, (9, 8, 7), OBLIQUE)
    assert found.values.shape == (2, 9, 8, 7)
    assert np.array_equal(found.values[0] > 0, mask)
    assert found.before_ml[0] == pytest.approx(mask.sum() * 1.3**3 / 1000.0)
    assert found.mass_error == pytest.approx([0.0, 0.0], abs=1e-12)  # linear in every voxel


def test_that_voxels_keep_their_amount_on_their_own_mesh() -> None:
    random = np.random.default_rng(1)
    mask = random.random((9, 8, 7)) < 0.5
    density = np.where(mask, random.random(mask.shape), 0.0)
    found = on_mesh(voxel_mesh(mask, OBLIQUE), density, OBLIQUE)
    assert found.mass_error == pytest.approx(0.0, abs=1e-12)
    assert 0.0 <= found.values.min() <= found.values.max() <= 1.0


def test_that_a_smooth_density_comes_from_voxels_to_nodes_within_two_thousandths() -> None:
    def gaussian(points: Reals) -> Reals:
        return np.asarray(np.exp(-((points - 19.0) ** 2).sum(axis=-1) / 72.0))

    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    mesh = voxel_mesh(np.ones((20, 20, 20), bool), affine)
    found = on_mesh(mesh, gaussian(centres(affine, (20, 20, 20))), affine, keep="values")
    assert np.abs(found.values - gaussian(mesh.points_mm)).max() < 2e-3
    assert abs(float(found.mass_error)) < 1e-3


def test_that_what_is_no_field_is_refused() -> None:
    with pytest.raises(BadInput, match="values at the nodes"):
        on_grid(block(), np.zeros(3), SHAPE, OBLIQUE)
    with pytest.raises(BadInput, match="three dimensions"):
        on_mesh(block(), np.zeros((3, 3)), OBLIQUE)
    with pytest.raises(BadInput, match="no finite number"):
        on_mesh(block(), np.full(SHAPE, np.nan), OBLIQUE)
    with pytest.raises(BadInput, match="maps no grid"):
        on_grid(block(), linear(block().points_mm), SHAPE, np.diag([1.0, 1.0, 0.0, 1.0]))
