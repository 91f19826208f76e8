"""The image's values inside a structure."""

import numpy as np
import pytest

from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.measuring import statistics_of

UP = np.eye(4)


def test_that_values_are_summed_up() -> None:
    voxels = np.arange(125.0).reshape(5, 5, 5).astype(np.float32)
    mask = voxels < 101
    said = statistics_of(voxels, mask, UP, unit="HU")
    assert (said.count, said.mean, said.median) == (101, 50.0, 50.0)
    assert (said.low, said.high, said.least, said.most) == (5.0, 95.0, 0.0, 100.0)
    assert said.sd == pytest.approx(np.sqrt(101 * 102 / 12))  # of 0..100, with n − 1


def test_that_the_border_can_be_left_out() -> None:
    mask = np.zeros((9, 9, 9), bool)
    mask[1:8, 1:8, 1:8] = True
    voxels = np.where(mask, 10, 0).astype(np.int16)
    voxels[2:7, 2:7, 2:7] = 60
    said = statistics_of(voxels, mask, np.diag([2.0, 2.0, 2.0, 1.0]), unit="1", inset_mm=2.0)
    assert (said.count, said.mean, said.sd) == (125, 60.0, 0.0)


def test_that_values_that_are_no_number_are_left_out_and_counted() -> None:
    voxels = np.full((4, 4, 4), 7.0, np.float32)
    voxels[0, 0, 0] = np.nan
    said = statistics_of(voxels, np.ones((4, 4, 4), bool), UP, unit="1")
    assert (said.count, said.left_out, said.mean) == (63, 1, 7.0)


def test_that_one_voxel_has_no_spread() -> None:
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    assert statistics_of(np.ones((3, 3, 3), np.int16), mask, UP, unit="HU").sd is None


def test_that_too_deep_an_inset_is_refused_with_advice() -> None:
    with pytest.raises(EmptyLabel, match="smaller inset"):
        statistics_of(np.ones((4, 4, 4)), np.ones((4, 4, 4), bool), UP, unit="1", inset_mm=9.0)


def test_that_another_grid_is_refused() -> None:
    with pytest.raises(BadArgument, match="different grids"):
        statistics_of(np.ones((4, 4, 5)), np.ones((4, 4, 4), bool), UP, unit="1")
