"""Agreement of label maps: closed forms, and SimpleITK on the same masks."""

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import CodedTerm, LabelMap, Structure
from organtwin.core.watch import Watch
from organtwin.measuring import Agreement, agreement_of, compared
from tests.measuring.shapes import OBLIQUE, ellipsoid, grid

SHAPE = (44, 40, 26)
COARSE = grid((0.9, 1.0, 2.0), OBLIQUE)


def of(
    first: NDArray[np.bool_], second: NDArray[np.bool_], affine: NDArray[np.float64]
) -> Agreement:
    return agreement_of("it", first, second, affine=affine, watch=Watch())


def labelled(mask: NDArray[np.bool_], affine: NDArray[np.float64], name: str = "liver") -> LabelMap:
    one = Structure(name, 1, "organ", CodedTerm("1", "SCT", name), (1.0, 0.0, 0.0))
    return LabelMap(np.asfortranarray(mask.astype(np.uint8)), affine, (one,))


def test_that_a_mask_agrees_with_itself() -> None:
    mask = ellipsoid(COARSE, SHAPE, (14.0, 12.0, 16.0))
    found = of(mask, mask, COARSE)
    assert found.dice == 1.0
    assert found.difference_percent == 0.0
    assert found.distances is not None
    assert found.distances.hausdorff_mm == pytest.approx(0.0, abs=1e-5)


def test_that_concentric_balls_lie_their_difference_in_radius_apart() -> None:
    inner, outer = (ellipsoid(COARSE, SHAPE, (r, r, r)) for r in (12.0, 15.0))
    found = of(inner, outer, COARSE)
    assert found.distances is not None
    # Surfaces follow the voxels by half of one at most; the nearest points are never farther.
    assert found.distances.mean_mm == pytest.approx(3.0, abs=0.2)
    assert found.distances.shift_mm == pytest.approx(3.0, abs=0.2)
    assert found.distances.percentile_mm(95.0) == pytest.approx(3.0, abs=0.6)
    assert found.dice == pytest.approx(2 * 12**3 / (12**3 + 15**3), abs=0.01)


def test_that_the_sign_says_which_way_the_second_differs() -> None:
    inner, outer = (ellipsoid(COARSE, SHAPE, (r, r, r)) for r in (12.0, 15.0))
    smaller, larger = of(outer, inner, COARSE).distances, of(inner, outer, COARSE).distances
    assert smaller is not None
    assert larger is not None
    assert smaller.second_mm.max() < 0.0 < larger.second_mm.min()


def test_that_shifted_boxes_lie_their_shift_apart() -> None:
    first = np.zeros((40, 30, 30), bool)
    first[5:25, 5:25, 5:25] = True
    found = of(first, np.roll(first, 6, axis=0), np.diag([0.5, 1.0, 3.0, 1.0]))
    assert found.dice == pytest.approx(14 / 20)
    assert found.distances is not None
    assert found.distances.hausdorff_mm == pytest.approx(3.0, abs=1e-3)  # 6 voxels of 0.5 mm


def test_that_thick_slices_move_the_95th_percentile_by_their_stairs_only() -> None:
    """Balls of radius R, s apart: |√(R² - 2Rsc + s²) - R| with c even in -1..1, 95 % below 9.50."""
    ball = ellipsoid(grid((1.0, 1.0, 5.0)), (64, 64, 18), (30.0, 30.0, 30.0))
    found = of(ball, np.roll(ball, 2, axis=2), grid((1.0, 1.0, 5.0))).distances
    assert found is not None
    assert found.hausdorff_mm == pytest.approx(10.0, abs=1e-3)
    assert found.percentile_mm(95.0) == pytest.approx(9.50, abs=0.5)


def test_that_simpleitk_finds_the_same_overlap_and_distance() -> None:
    spacing = (0.9, 1.0, 2.0)
    first = ellipsoid(grid(spacing), SHAPE, (14.0, 12.0, 16.0))
    second = ellipsoid(grid(spacing), SHAPE, (16.0, 11.0, 15.0), off=(1.2, 0.3, -0.4))
    images = [sitk.GetImageFromArray(m.T.astype(np.uint8)) for m in (first, second)]
    for image in images:
        image.SetSpacing(spacing)
    overlap, far = sitk.LabelOverlapMeasuresImageFilter(), sitk.HausdorffDistanceImageFilter()
    overlap.Execute(*images)
    far.Execute(*images)
    found = of(first, second, grid(spacing))
    assert found.dice == pytest.approx(overlap.GetDiceCoefficient(), abs=1e-12)
    assert found.distances is not None
    assert found.distances.hausdorff_mm == pytest.approx(far.GetHausdorffDistance(), abs=1.0)


def test_that_what_lies_outside_the_others_grid_counts_and_is_said() -> None:
    """Half against all, whichever comes first: 2 · ½ / (½ + 1) = 2/3.

    The far end of an ellipsoid of half axes a lies |a n| beyond a plane through its middle.
    """
    fine = grid((0.5, 0.5, 1.0), OBLIQUE)
    one = ellipsoid(fine, (80, 80, 50), (14.0, 12.0, 16.0))
    whole, half = labelled(one, fine), labelled(one[:, :, 25:], moved_up(fine, 25.0))
    lost = whole.volume_ml("liver") - half.volume_ml("liver")
    (found,), (other,) = compared(whole, half, Watch()), compared(half, whole, Watch())
    assert (found.first_beyond_ml, found.second_beyond_ml) == (pytest.approx(lost), 0.0)
    assert (other.first_beyond_ml, other.second_beyond_ml) == (0.0, pytest.approx(lost))
    assert found.dice == pytest.approx(other.dice) == pytest.approx(2 / 3, abs=0.03)
    assert other.second_ml == pytest.approx(whole.volume_ml("liver"))
    assert found.distances is not None
    assert other.distances is not None
    assert other.distances.hausdorff_mm == pytest.approx(found.distances.hausdorff_mm)
    reach = np.linalg.norm(OBLIQUE[:, 2] * (14.0, 12.0, 16.0))
    assert other.distances.hausdorff_mm == pytest.approx(reach, abs=1.0)


def test_that_a_finer_grid_of_the_same_structure_agrees_whole() -> None:
    first = labelled(ellipsoid(COARSE, SHAPE, (14.0, 12.0, 16.0), off=(0, 0, 0)), COARSE)
    fine = COARSE @ np.diag([0.5, 0.5, 0.5, 1.0])
    fine[:3, 3] += COARSE[:3, :3] @ (-0.25, -0.25, -0.25)
    second = labelled(first.labels.repeat(2, 0).repeat(2, 1).repeat(2, 2) > 0, fine)
    (found,) = compared(first, second, Watch())
    assert (found.dice, found.first_beyond_ml, found.second_beyond_ml) == (1.0, 0.0, 0.0)
    assert found.second_ml == pytest.approx(found.first_ml)


def moved_up(affine: NDArray[np.float64], steps: float) -> NDArray[np.float64]:
    moved = affine.copy()
    moved[:3, 3] += steps * affine[:3, 2]
    return moved


def test_that_structures_are_paired_by_name_or_as_told() -> None:
    mask = ellipsoid(COARSE, SHAPE, (14.0, 12.0, 16.0))
    ours, theirs = labelled(mask, COARSE), labelled(mask, COARSE, "label-1")
    with pytest.raises(BadArgument, match="no structure is in both"):
        compared(ours, theirs, Watch())
    (found,) = compared(ours, theirs, Watch(), pairs={"liver": "label-1"})
    assert found.dice == 1.0


def test_that_a_structure_missing_in_one_has_no_distance() -> None:
    mask = ellipsoid(COARSE, SHAPE, (14.0, 12.0, 16.0))
    found = of(mask, np.zeros_like(mask), COARSE)
    assert (found.dice, found.distances) == (0.0, None)
