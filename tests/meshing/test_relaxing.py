"""Points move without a worse angle; volumes are restored; what is thin is found."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.meshing.angles import degrees, worst_cosine
from organtwin.meshing.cones import cones, squares
from organtwin.meshing.octree import Grid, divided, labelled
from organtwin.meshing.relaxing import moved, shape_of, with_better_diagonals
from organtwin.meshing.surfaces import surface_nets
from organtwin.meshing.thickness import thin
from organtwin.meshing.volumes import label_volumes, restored

GRID = Grid(np.zeros(3), np.ones(3), (16, 16, 16), 3)


def graded() -> tuple[np.ndarray, np.ndarray]:
    """Points and cells of a graded octree with one fine corner."""
    asked = [np.zeros(GRID.shape_at(level), dtype=bool) for level in range(4)]
    asked[1][0, 0, 0] = True
    tree = labelled(GRID, divided(GRID, asked), np.ones(GRID.shape, dtype=np.uint8))
    made = cones(squares(tree), GRID.shape)
    return 0.5 * made.places, made.tetrahedra


def test_that_a_regular_tetrahedron_has_its_angle() -> None:
    """arccos(1/3) = 70.53°."""
    points = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float)
    assert degrees(worst_cosine(points, np.array([[1, 0, 2, 3]])))[0] == pytest.approx(70.5288)
    assert degrees(worst_cosine(points, np.array([[0, 1, 2, 3]])))[0] == -1.0


def test_that_cones_of_a_graded_octree_fill_it_with_good_angles() -> None:
    points, cells = graded()
    a, b, c, d = (points[cells[:, i]] for i in range(4))
    assert np.einsum("ij,ij->", np.cross(b - a, c - a), d - a) / 6.0 == pytest.approx(16.0**3)
    assert degrees(worst_cosine(points, cells)).min() > 35.0


def test_that_no_angle_falls_below_the_floor_however_points_are_pulled() -> None:
    points, cells = graded()
    pulled = points + 3.0 * np.random.default_rng(1).normal(size=points.shape)
    found = moved(shape_of(points, cells), pulled, 15.0)
    assert degrees(worst_cosine(found.points, cells)).min() > 14.999
    assert np.abs(found.points - points).max() > 0.3


def test_that_better_diagonals_make_no_angle_worse() -> None:
    tree = labelled(GRID, [np.zeros(GRID.shape_at(n), dtype=bool) for n in range(4)],
                    np.ones(GRID.shape, dtype=np.uint8))  # fmt: skip
    made = cones(squares(tree), GRID.shape)
    points = 0.5 * made.places + 0.5 * np.random.default_rng(2).normal(size=made.places.shape)
    shape = shape_of(points, made.tetrahedra)
    better = with_better_diagonals(shape, made)
    assert better.cosines.max() <= shape.cosines.max()
    assert better.cosines.mean() < shape.cosines.mean()
    assert with_better_diagonals(better, made).cosines.mean() == pytest.approx(
        better.cosines.mean()
    )


def test_that_two_touching_labels_are_given_their_volumes() -> None:
    voxels = np.zeros((12, 8, 8), dtype=np.uint8, order="F")
    voxels[2:6, 2:6, 2:6], voxels[6:10, 2:6, 2:6] = 1, 2
    raw = surface_nets(voxels, (1.0, 1.0, 1.0))
    assert label_volumes(raw)[[1, 2]] == pytest.approx([64.0, 64.0])
    found = label_volumes(restored(raw, {1: 70.0, 2: 60.0}))
    assert found[[1, 2]] == pytest.approx([70.0, 60.0], rel=1e-3)


def test_that_a_plate_is_thin_and_the_block_it_grows_from_is_not() -> None:
    mask = np.zeros((30, 20, 20), dtype=bool)
    mask[2:12, 2:18, 2:18] = True
    mask[12:28, 2:18, 9:11] = True
    found = thin(mask, (4, 4, 4))
    assert found[20, 10, 9]
    assert not found[5, 10, 10]
