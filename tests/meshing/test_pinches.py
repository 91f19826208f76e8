"""What touches along an edge or at a corner only is parted or joined, its volume kept."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.meshing_cases import map_of
from organtwin.core.watch import Watch
from organtwin.meshing import Sizes, mesh_labels
from organtwin.meshing.pinches import TORN, Pinches

EDGE, CORNER, FACE, PLATE = 0b00001001, 0b10000001, 0b00000011, 0b00001111


@pytest.mark.parametrize("raised", [0, 6])
@pytest.mark.parametrize("around", [0, 2])
def test_that_boxes_that_touch_are_no_hinge(raised: int, around: int) -> None:
    """Two boxes of 6 mm have an edge or, when one is raised, a corner in common."""
    voxels = np.full((16, 16, 16), around, dtype=np.uint8)
    voxels[2:8, 2:8, 2:8], voxels[8:14, 8:14, 2 + raised : 8 + raised] = 1, 1
    _, quality = mesh_labels(map_of(voxels, (1.0, 1.0, 1.0)), Sizes(), Watch())
    assert not quality.missed
    assert [region.pinches for region in quality.regions] == [0] * len(quality.regions)


def test_that_cells_about_a_corner_touch_when_they_share_no_face() -> None:
    assert TORN[[EDGE, CORNER, 255 - CORNER]].all()
    assert not TORN[[0, 1, FACE, PLATE, 255]].any()


def test_that_pinches_are_found_where_they_are() -> None:
    cells = np.zeros((5, 5, 5), dtype=np.uint8)
    cells[1, 1, 1], cells[2, 2, 2] = 7, 8
    assert len(Pinches([(7,), (8,)]).of(cells)) == 0
    assert Pinches([(7, 8), (8,)]).of(cells).tolist() == [[1, 1, 1]]


def test_that_what_is_one_cell_thick_keeps_its_cells() -> None:
    chain = np.zeros((10, 10, 10), dtype=np.uint8)
    for n in range(1, 9):
        chain[n, n, n] = 1
    _, quality = mesh_labels(map_of(chain, (1.0, 1.0, 1.0)), Sizes(), Watch())
    assert quality.left_out == ()
    assert not quality.missed
