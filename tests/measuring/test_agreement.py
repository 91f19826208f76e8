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


def test_that_another_grid_is_brought_to_the_first_with_what_is_lost() -> None:
    fine = grid((0.5, 0.5, 1.0), OBLIQUE)
    one = ellipsoid(fine, (80, 80, 50), (14.0, 12.0, 16.0))
    first, second = labelled(one, fine), labelled(one[:, :, 25:], moved_up(fine, 25.0))
    (found,) = compared(first, second, Watch())
    assert found.dice == pytest.approx(2 / 3, abs=0.03)  # half against all
    assert found.beyond_ml == 0.0
    (other,) = compared(second, first, Watch())
    assert other.beyond_ml == pytest.approx(0.5 * first.volume_ml("liver"), rel=0.1)


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
