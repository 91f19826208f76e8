"""RECIST diameters of shapes whose diameters are known."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from organtwin.core.volume import to_lps
from organtwin.measuring import Diameters, diameters_of, stacked_along
from tests.measuring.shapes import OBLIQUE, ellipsoid, grid

UP = np.eye(4)


def turned(degrees: float) -> np.ndarray:
    return Rotation.from_euler("z", degrees, degrees=True).as_matrix()


@pytest.mark.parametrize("angle", [0.0, 30.0, 77.0])
def test_that_an_ellipsoid_has_its_axes_on_an_oblique_grid(angle: float) -> None:
    affine = grid((0.8, 0.9, 2.0), OBLIQUE)
    axes = OBLIQUE @ turned(angle)
    found = diameters_of(ellipsoid(affine, (80, 70, 34), (20.0, 12.0, 15.0), axes=axes), affine)
    assert found.long_axis.length_mm == pytest.approx(40.0, abs=0.8)  # half a voxel at each end
    assert found.short_axis.length_mm == pytest.approx(24.0, abs=0.8)
    assert found.longest.length_mm == pytest.approx(40.0, abs=0.8)


def test_that_the_longest_diameter_in_any_direction_leaves_the_slice() -> None:
    affine = grid((0.8, 0.9, 2.0))
    found = diameters_of(ellipsoid(affine, (50, 50, 34), (10.0, 8.0, 25.0)), affine)
    assert found.longest.length_mm == pytest.approx(50.0, abs=1.5)
    assert found.long_axis.length_mm == pytest.approx(20.0, abs=0.8)


@pytest.mark.parametrize("seed", range(8))
def test_that_no_two_points_of_the_border_lie_farther_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random(rng.integers(2, 9, 3)) < rng.choice([0.05, 0.3, 0.8])
    mask[0, 0, 0] = True
    affine = UP.copy()
    affine[:3, :3] += rng.normal(0.0, 0.3, (3, 3))
    half = 0.5 * np.concatenate([np.eye(3), -np.eye(3)])
    border = to_lps(affine, (np.argwhere(mask)[:, None] + half).reshape(-1, 3))
    found = diameters_of(mask, affine)
    assert found.longest.length_mm == pytest.approx(pdist(border).max())
    assert found.short_axis.length_mm <= found.long_axis.length_mm <= found.longest.length_mm + 1e-9


def test_that_both_axes_lie_in_one_slice_at_right_angles() -> None:
    affine = grid((0.8, 0.9, 2.0), OBLIQUE)
    found = diameters_of(ellipsoid(affine, (40, 40, 20), (12.0, 8.0, 10.0)), affine)
    long, short = (np.subtract(x.end_mm, x.start_mm) for x in (found.long_axis, found.short_axis))
    assert long @ short == pytest.approx(0.0, abs=1e-9)
    ends = [*found.long_axis.start_mm, *found.short_axis.end_mm]
    index = (np.array(ends).reshape(2, 3) - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    assert index[:, 2] == pytest.approx(found.slice_number)


def test_that_a_row_of_voxels_is_as_long_as_its_voxels() -> None:
    mask = np.zeros((20, 9, 5), bool)
    mask[3:15, 4, 2] = True
    found = diameters_of(mask, grid((0.5, 1.0, 1.0)), across=2)
    assert found.long_axis.length_mm == pytest.approx(6.0)  # 12 voxels of 0.5 mm
    assert found.short_axis.length_mm == pytest.approx(1.0)
    assert found.slice_number == 2


def test_that_a_skewed_grid_is_measured_in_mm() -> None:
    affine = UP.copy()
    affine[0, 1] = 0.5
    mask = np.zeros((9, 9, 3), bool)
    mask[4, 2:6, 1] = True
    length = diameters_of(mask, affine, across=2).long_axis.length_mm
    assert length == pytest.approx(4.0 * np.hypot(1.0, 0.5))


def test_that_pieces_of_a_slice_are_measured_one_by_one() -> None:
    mask = np.zeros((40, 9, 3), bool)
    mask[2:8, 4, 1] = mask[20:36, 4, 1] = True
    found = diameters_of(mask, UP, across=2)
    assert found.long_axis.length_mm == pytest.approx(16.0)
    assert found.pieces == 2


def sized(length: int, slice_mm: float) -> Diameters:
    mask = np.zeros((30, 9, 3), bool)
    mask[2 : 2 + length, 4, 1] = True
    return diameters_of(mask, grid((1.0, 1.0, slice_mm)), across=2)


@pytest.mark.parametrize(
    ("length", "slice_mm", "measurable"),
    [(10, 5.0, True), (9, 5.0, False), (15, 8.0, False), (16, 8.0, True), (10, 1.0, True)],
)
def test_that_measurable_is_10_mm_or_twice_a_thick_slice(
    length: int, slice_mm: float, measurable: bool
) -> None:
    found = sized(length, slice_mm)
    assert found.measurable is measurable
    assert found.as_lesion.startswith("measurable" if measurable else "not measurable: under")


@pytest.mark.parametrize(
    ("wide", "said"),
    [(9, "normal size"), (10, "pathological, no target"), (15, "pathological, may be a target")],
)
def test_that_a_node_is_told_by_its_short_axis(wide: int, said: str) -> None:
    mask = np.zeros((40, 40, 3), bool)
    mask[5:35, 5 : 5 + wide, 1] = True
    mask[4, 5 + wide // 2, 1] = mask[35, 5 + wide // 2, 1] = True  # its long axis runs along i
    assert diameters_of(mask, UP, across=2).as_node == said


def test_that_thick_slices_tell_the_plane_of_acquisition() -> None:
    assert stacked_along(grid((0.8, 0.8, 5.0))) == 2
    assert stacked_along(grid((5.0, 0.8, 0.8))) == 0
    assert stacked_along(grid((1.0, 1.0, 1.0))) == 2
    assert stacked_along(np.array(grid((1.0, 1.0, 1.0))[:, [2, 0, 1, 3]])) == 0
