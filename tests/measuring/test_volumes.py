"""Two volumes of shapes whose volume is known."""

import numpy as np
import pytest

from organtwin.core.errors import EmptyLabel
from organtwin.measuring import shell_of, volume_of
from tests.measuring.shapes import OBLIQUE, ellipsoid, grid

BALL = 4.0 / 3.0 * np.pi


def mean_of_balls(radius: float, count: int) -> tuple[float, float]:
    """Mean volume in mL, by voxels and by surface, of balls placed anywhere between voxels."""
    shifts = np.random.default_rng(7).uniform(-0.5, 0.5, (count, 3))
    n = 2 * int(radius) + 5
    found = []
    for x, y, z in shifts:
        mask = ellipsoid(np.eye(4), (n, n, n), (radius,) * 3, off=(x, y, z))
        two = volume_of(mask, np.eye(4))
        found.append((two.voxels_ml, two.surface_ml))
    by_voxels, by_surface = np.mean(found, axis=0)
    return float(by_voxels), float(by_surface)


@pytest.mark.parametrize(("radius", "count", "percent"), [(4.0, 60, 0.6), (8.0, 20, 0.2)])
def test_that_the_surface_of_a_ball_does_not_shrink(
    radius: float, count: int, percent: float
) -> None:
    true = BALL * radius**3 / 1000.0
    by_voxels, by_surface = mean_of_balls(radius, count)
    assert by_surface == pytest.approx(true, rel=percent / 100.0)
    assert by_surface == pytest.approx(by_voxels, rel=0.001)


def test_that_an_oblique_coarse_grid_changes_no_volume() -> None:
    affine = grid((0.8, 0.9, 2.0), OBLIQUE)
    mask = ellipsoid(affine, (80, 70, 34), (20.0, 12.0, 15.0))
    two = volume_of(mask, affine)
    assert two.surface_ml == pytest.approx(BALL * 20 * 12 * 15 / 1000.0, rel=0.01)
    assert two.flag == ""


def test_that_a_box_holds_what_its_voxels_hold() -> None:
    mask = np.zeros((30, 30, 30), bool)
    mask[4:24, 5:25, 6:16] = True
    assert volume_of(mask, np.eye(4)).difference_percent == pytest.approx(0.0, abs=0.3)


def test_that_a_left_handed_grid_has_positive_volumes() -> None:
    affine = grid((1.0, 1.0, -2.0))
    assert volume_of(ellipsoid(affine, (20, 20, 12), (8.0,) * 3), affine).surface_ml > 2.0


def test_that_a_surface_is_closed() -> None:
    mask = np.random.default_rng(3).random((12, 12, 12)) < 0.3
    triangles = shell_of(mask, np.eye(4)).triangles
    edges = np.concatenate([triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
    there = {tuple(edge) for edge in edges.tolist()}
    assert all((b, a) in there for a, b in there)


def test_that_a_small_structure_is_flagged_with_both_numbers_and_why() -> None:
    mask = np.zeros((5, 5, 5), bool)
    mask[2, 2, 2] = True
    said = volume_of(mask, np.eye(4)).flag
    assert "0.001 mL by voxels" in said
    assert "by surface" in said
    assert "small, only 1 voxel" in said


def test_that_a_thin_structure_is_flagged_as_thin() -> None:
    mask = np.zeros((60, 60, 9), bool)
    mask[10:50, 28:31, 4] = True
    mask[10:50, 10:40:3, 4] = True
    assert "thin, nowhere more than 1.0 voxels thick" in volume_of(mask, np.eye(4)).flag


def test_that_what_reaches_the_end_of_the_grid_is_called_cut() -> None:
    mask = np.zeros((9, 9, 9), bool)
    mask[0:5, 2:7, 2:7] = True
    assert volume_of(mask, np.eye(4)).cut


def test_that_nothing_cannot_be_measured() -> None:
    with pytest.raises(EmptyLabel, match="no voxels"):
        volume_of(np.zeros((4, 4, 4), bool), np.eye(4))
