from __future__ import annotations

import numpy as np
import pytest

from sample_dicom.grid import Grid
from sample_dicom.motion import MOTIONS
from sample_dicom.visits import lying

BOX = Grid((-160.0, -110.0, -120.0), (20.0, 20.0, 20.0), (17, 12, 13))


@pytest.mark.parametrize("day", MOTIONS)
def test_that_motion_keeps_volume_everywhere(day: int) -> None:
    # div v = 0, so det of the flow's slope is 1 (Liouville); the rotation's is 1 too.
    jacobian = MOTIONS[day].jacobian(BOX.points().astype(np.float64))
    assert jacobian == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("day", MOTIONS)
def test_that_the_inverse_brings_each_point_back(day: int) -> None:
    points = BOX.points().astype(np.float64)
    assert MOTIONS[day].inverse(MOTIONS[day].forward(points)) == pytest.approx(points, abs=1e-4)


def test_that_day_0_is_the_reference() -> None:
    points = BOX.points().astype(np.float64)
    assert MOTIONS[0].forward(points) == pytest.approx(points)


@pytest.mark.parametrize("day", [45, 90, 135])
def test_that_the_right_dome_moves_10_to_15_mm_with_the_breath(day: int) -> None:
    dome = np.array([-66.0, -8.0, 80.0])
    moved = MOTIONS[day].bend(dome) - dome
    assert 10.0 <= abs(moved[2]) <= 15.0


def test_that_the_lattice_inverse_is_exact_to_a_thousandth_of_a_mm_off_the_border() -> None:
    grid = Grid((-101.3, -62.1, 9.7), (1.4, 1.4, 2.5), (40, 40, 24))
    error = np.abs(lying(MOTIONS[90], grid) - MOTIONS[90].inverse(grid.points().astype(float)))
    assert error[:, 9:-9, 9:-9, 5:-5].max() < 1e-3
    assert error.max() < 1e-2
