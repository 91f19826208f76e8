"""Meshes of voxels: whole, fitting together, and joined through faces alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse
from scipy.ndimage import label
from scipy.sparse.csgraph import connected_components

from solvers.failures import BadInput
from solvers.refinement import Mesh
from solvers.tetrahedra import stiffness_matrix, volumes_mm3
from solvers.voxelmesh import voxel_mesh

TURN = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]


def affine_of(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = matrix, (10.0, -20.0, 30.0)
    return affine


def pieces(mesh: Mesh) -> int:
    """How many parts the mesh has that share no node."""
    ones = np.ones(3 * len(mesh.cells))
    links = (np.repeat(mesh.cells[:, 0], 3), mesh.cells[:, 1:].ravel())
    size = len(mesh.points_mm)
    return int(connected_components(sparse.csr_array((ones, links), (size, size)))[0])


def random_mask() -> NDArray[np.bool_]:
    return np.asarray(np.random.default_rng(0).random((7, 6, 5)) < 0.3)


@pytest.mark.parametrize("matrix", [np.diag([1.0, 2.0, 3.0]), 2.0 * TURN, np.diag([-1.0, 1, 2])])
def test_that_the_cells_fill_the_voxels_and_none_is_turned(matrix: NDArray[np.float64]) -> None:
    mask = random_mask()
    mesh = voxel_mesh(mask, affine_of(matrix))
    a, b, c, d = (mesh.points_mm[mesh.cells[:, n]] for n in range(4))
    signed = np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) / 6.0
    assert np.allclose(signed, abs(np.linalg.det(matrix)) / 6.0)
    centres = np.argwhere(mask) @ matrix.T + (10.0, -20.0, 30.0)
    middles = mesh.points_mm[mesh.cells].mean(axis=1).reshape(-1, 6, 3).mean(axis=1)
    assert np.allclose(middles, centres)


def test_that_every_inner_face_has_two_cells_and_the_border_is_the_masks() -> None:
    mask = random_mask()
    mesh = voxel_mesh(mask, np.eye(4))
    faces = np.sort(np.concatenate([np.delete(mesh.cells, n, axis=1) for n in range(4)]), axis=1)
    _, counts = np.unique(faces, axis=0, return_counts=True)
    padded = np.pad(mask, 1).astype(np.int8)
    squares = sum(int(np.abs(np.diff(padded, axis=axis)).sum()) for axis in range(3))
    assert set(counts) == {1, 2}
    assert (counts == 1).sum() == 2 * squares


def test_that_parts_are_those_joined_through_faces() -> None:
    for seed in range(20):
        mask = np.random.default_rng(seed).random((6, 6, 6)) < 0.35
        assert pieces(voxel_mesh(mask, np.eye(4))) == label(mask)[1]


def test_that_a_neck_of_one_voxel_stays_connected_and_an_edge_connects_nothing() -> None:
    mask = np.zeros((7, 3, 3), bool)
    mask[:3] = mask[4:] = mask[3, 1, 1] = True
    assert pieces(voxel_mesh(mask, np.eye(4))) == 1
    touching = np.zeros((2, 2, 1), bool)
    touching[0, 0] = touching[1, 1] = True
    mesh = voxel_mesh(touching, np.eye(4))
    assert (pieces(mesh), len(mesh.points_mm)) == (2, 16)


def test_that_labels_are_regions_voxel_by_voxel() -> None:
    labels = np.random.default_rng(2).integers(0, 4, (5, 4, 3))
    mesh = voxel_mesh(labels, np.eye(4))
    assert np.array_equal(mesh.regions, np.repeat(labels[labels != 0], 6))
    assert mesh.cells.dtype == mesh.regions.dtype == np.int32


def test_that_the_stiffness_is_the_seven_point_stencil() -> None:
    mesh = voxel_mesh(np.ones((4, 4, 4), bool), np.diag([2.0, 2.0, 2.0, 1.0]))
    inner = np.flatnonzero(np.all(mesh.points_mm == 3.0, axis=1))
    row = stiffness_matrix(mesh.points_mm, mesh.cells)[inner].toarray().ravel()
    assert np.allclose(np.sort(row)[:6], -2.0)
    assert np.allclose(np.sort(row)[6:-1], 0.0, atol=1e-14)
    assert np.isclose(row.max(), 12.0)
    assert np.isclose(volumes_mm3(mesh.points_mm, mesh.cells).sum(), 64 * 8.0)


@pytest.mark.parametrize(
    ("labels", "affine", "message"),
    [
        (np.zeros((3, 3, 3), bool), np.eye(4), "0 voxels are not 0"),
        (np.ones((3, 3)), np.eye(4), "three dimensions"),
        (np.ones((3, 3, 3)), np.eye(4), "integers"),
        (np.full((3, 3, 3), -1), np.eye(4), "run from -1"),
        (np.ones((3, 3, 3), bool), np.diag([1.0, 1.0, 0.0, 1.0]), "flat"),
        (np.ones((3, 3, 3), bool), np.full((4, 4), np.nan), "affine"),
        (np.ones((130, 130, 130), bool), np.eye(4), "a mesh takes 1 to"),
    ],
)
def test_that_what_makes_no_mesh_is_refused(labels: Any, affine: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        voxel_mesh(labels, affine)
