from __future__ import annotations

import numpy as np
import pytest

from organtwin.core.errors import BadArgument
from organtwin.core.organmesh import OrganMesh
from organtwin.core.volume import to_lps
from organtwin.meshing.transfer import (
    density_to_grid,
    density_to_mesh,
    point_volumes_mm3,
    to_grid,
    to_mesh,
)
from tests.meshing.cubes import cube

SLOPE = np.array([0.7, -1.3, 2.1])
SHAPE = (14, 13, 11)


@pytest.fixture(scope="module")
def mesh() -> OrganMesh:
    """A cube of 30 mm with its inner points moved at random, so that nothing is regular."""
    even = cube()
    inner = ((even.points > 0.1) & (even.points < 29.9)).all(axis=1)
    points = even.points + inner[:, None] * np.random.default_rng(1).uniform(-0.8, 0.8, (343, 3))
    return OrganMesh(points, even.tetrahedra, even.regions, even.structures)


@pytest.fixture(scope="module")
def affine() -> np.ndarray:
    """Voxels of 2.5 × 2.8 × 3.4 mm, left-handed, turned by 10°, all around the cube."""
    turn = np.radians(10.0)
    axes = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, -1]])
    made = np.eye(4)
    made[:3, :3] = axes * [2.9, 3.1, 3.4]
    made[:3, 3] = 15.0 - made[:3, :3] @ ((np.array(SHAPE) - 1) / 2)
    return made


def linear(points: np.ndarray) -> np.ndarray:
    return 3.0 + points @ SLOPE


def centres(affine: np.ndarray) -> np.ndarray:
    return to_lps(affine, np.stack(np.indices(SHAPE), axis=-1))


def test_that_linear_fields_arrive_on_voxels_exactly(mesh: OrganMesh, affine: np.ndarray) -> None:
    found = to_grid(mesh, linear(mesh.points), SHAPE, affine)
    places = centres(affine)
    inside = ((places > 1e-6) & (places < 30 - 1e-6)).all(axis=-1)
    assert np.allclose(found.values[inside], linear(places)[inside], atol=1e-10)
    assert np.isnan(found.values[~inside]).all()
    assert found.unset == np.count_nonzero(~inside)


def test_that_linear_fields_arrive_on_points_exactly(mesh: OrganMesh, affine: np.ndarray) -> None:
    found = to_mesh(mesh, linear(centres(affine)), affine)
    assert np.allclose(found.values, linear(mesh.points), atol=1e-10)
    assert found.outside == 0.0


def test_that_interpolation_states_what_the_integral_lost(
    mesh: OrganMesh, affine: np.ndarray
) -> None:
    found = to_grid(mesh, np.ones(len(mesh.points)), SHAPE, affine)
    assert found.before == pytest.approx(27_000.0)
    counted = np.isfinite(found.values).sum() * abs(np.linalg.det(affine[:3, :3]))
    assert found.after == pytest.approx(counted)
    assert found.relative_error == pytest.approx(counted / 27_000.0 - 1.0)


def test_that_a_density_keeps_its_amount_on_voxels(mesh: OrganMesh, affine: np.ndarray) -> None:
    density = np.random.default_rng(2).uniform(0.0, 1.0, len(mesh.points))
    found = density_to_grid(mesh, density, SHAPE, affine)
    amount = found.values.sum() * abs(np.linalg.det(affine[:3, :3]))
    assert amount == pytest.approx(float(point_volumes_mm3(mesh) @ density), rel=1e-12)
    assert abs(found.relative_error) < 1e-10
    assert found.outside == 0.0


def test_that_a_density_keeps_its_amount_on_the_mesh(mesh: OrganMesh, affine: np.ndarray) -> None:
    share = density_to_grid(mesh, np.ones(len(mesh.points)), SHAPE, affine).values
    density = np.random.default_rng(3).uniform(0.0, 1.0, SHAPE) * (share > 1e-6)
    found = density_to_mesh(mesh, density, affine, confined=True)
    amount = float(point_volumes_mm3(mesh) @ found.values)
    assert amount == pytest.approx(density.sum() * abs(np.linalg.det(affine[:3, :3])), rel=1e-12)
    assert abs(found.relative_error) < 1e-10


def test_that_a_constant_density_of_tissue_stays_constant(
    mesh: OrganMesh, affine: np.ndarray
) -> None:
    there = density_to_grid(mesh, np.full(len(mesh.points), 0.4), SHAPE, affine)
    tissue = there.in_tissue
    assert np.allclose(tissue[np.isfinite(tissue)], 0.4, atol=1e-8)
    back = density_to_mesh(mesh, there.values, affine, confined=True)
    assert np.allclose(back.values, 0.4, atol=1e-6)
    assert back.off_constant > 1.0


@pytest.mark.parametrize("edge_mm", [1.2, 5.0, 40.0])
def test_that_a_constant_density_stays_one_in_voxels_small_and_large(
    mesh: OrganMesh, edge_mm: float
) -> None:
    """The cube of 30 mm, elements of 5 mm: shares are products of overlaps along the axes."""
    count = int(36 / edge_mm) + 2
    affine = np.diag([edge_mm, edge_mm, edge_mm, 1.0])
    affine[:3, 3] = -3.0
    at = np.arange(count) * edge_mm - 3.0
    along = np.clip(np.minimum(at + edge_mm / 2, 30) - np.maximum(at - edge_mm / 2, 0), 0, None)
    expected = np.einsum("i,j,k->ijk", along, along, along) / edge_mm**3
    found = density_to_grid(mesh, np.ones(len(mesh.points)), (count, count, count), affine)
    assert np.allclose(found.values, expected, atol=1e-10)
    assert abs(found.relative_error) < 1e-9


def test_that_a_linear_density_is_linear_on_voxels_wholly_inside(
    mesh: OrganMesh, affine: np.ndarray
) -> None:
    found = density_to_grid(mesh, linear(mesh.points), SHAPE, affine)
    assert found.share is not None
    whole = found.share > 1 - 1e-9
    assert np.count_nonzero(whole) > 300
    assert np.allclose(found.values[whole], linear(centres(affine))[whole], atol=1e-9)


@pytest.mark.parametrize("edge_mm", [2.0, 8.0])
def test_that_a_constant_density_on_the_grid_is_constant_on_the_mesh(
    mesh: OrganMesh, edge_mm: float
) -> None:
    count = int(40 / edge_mm) + 2
    affine = np.diag([edge_mm, edge_mm, edge_mm, 1.0])
    affine[:3, 3] = -4.3
    found = density_to_mesh(mesh, np.ones((count, count, count)), affine)
    assert np.allclose(found.values, 1.0, atol=1e-9)
    assert found.after == pytest.approx(27_000.0)
    assert found.off_constant < 1e-9
    assert found.partial > found.outside > 0


def test_that_what_lies_beside_the_mesh_in_a_voxel_stays_behind(mesh: OrganMesh) -> None:
    """One voxel of 10 mm, 4 x 10 x 10 mm of it in the cube: 400 of 1000 mm³."""
    affine = np.diag([10.0, 10.0, 10.0, 1.0])
    affine[:3, 3] = [-1.0, 15.0, 15.0]
    found = density_to_mesh(mesh, np.full((1, 1, 1), 2.0), affine)
    assert found.after == pytest.approx(800.0)
    assert found.partial == pytest.approx(2000.0)
    assert found.outside == pytest.approx(0.6)
    whole = density_to_mesh(mesh, np.full((1, 1, 1), 2.0), affine, confined=True)
    assert whole.after == pytest.approx(2000.0)
    assert whole.unset == np.isnan(whole.values).sum() > 0


def test_that_a_field_comes_back_from_voxels_that_have_none_outside(
    mesh: OrganMesh, affine: np.ndarray
) -> None:
    """Voxels outside the mesh are NaN; the others of the eight around a point count alone."""
    there = to_grid(mesh, linear(mesh.points), SHAPE, affine)
    back = to_mesh(mesh, there.values, affine)
    assert back.unset == np.isnan(back.values).sum() < 30
    known = np.isfinite(back.values)
    most = 3.5 * np.abs(SLOPE).sum()
    assert np.abs(back.values - linear(mesh.points))[known].max() < most


def test_that_what_is_not_a_number_is_refused_with_the_place(
    mesh: OrganMesh, affine: np.ndarray
) -> None:
    values = np.ones(len(mesh.points))
    values[:3] = np.nan
    for transfer in (to_grid, density_to_grid):
        with pytest.raises(BadArgument, match="3 of 343"):
            transfer(mesh, values, SHAPE, affine)
    density = np.ones(SHAPE)
    density[0, 0, 0] = np.nan
    assert density_to_mesh(mesh, density, affine).after == pytest.approx(27_000.0, rel=1e-3)
    density[7, 6, 5] = np.inf
    with pytest.raises(BadArgument, match="1 voxels in the mesh") as refused:
        density_to_mesh(mesh, density, affine)
    assert "(7, 6, 5)" in str(refused.value)


def test_that_what_falls_off_the_grid_is_told(mesh: OrganMesh) -> None:
    """Voxels of 2 mm over the lower half of the cube."""
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = 1.0
    found = density_to_grid(mesh, np.ones(len(mesh.points)), (15, 15, 7), affine)
    assert found.outside == pytest.approx(16 / 30, abs=1e-12)
    assert found.after == pytest.approx(27_000 * (1 - found.outside), rel=1e-12)


def test_that_what_lies_off_the_mesh_stays_behind_and_is_told(mesh: OrganMesh) -> None:
    affine = np.diag([5.0, 5.0, 5.0, 1.0])
    affine[:3, 3] = 2.5
    density = np.zeros((12, 6, 6))
    density[2], density[9] = 1.0, 3.0
    found = density_to_mesh(mesh, density, affine)
    assert found.outside == pytest.approx(0.75)
    assert found.after == pytest.approx(36 * 125.0)


def test_that_points_off_the_grid_have_no_value(mesh: OrganMesh) -> None:
    found = to_mesh(mesh, np.ones((4, 6, 6)), np.diag([5.0, 5.0, 5.0, 1.0]))
    assert found.unset == np.isnan(found.values).sum() > 0


def test_that_a_field_of_another_mesh_is_refused(mesh: OrganMesh, affine: np.ndarray) -> None:
    with pytest.raises(BadArgument):
        to_grid(mesh, np.ones(5), SHAPE, affine)
    with pytest.raises(BadArgument):
        density_to_mesh(mesh, np.ones(5), affine)
