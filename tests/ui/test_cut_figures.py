"""What is said of a cut that is made."""

from dataclasses import replace

import numpy as np
import pytest

from organtwin.core.cut import Cut
from organtwin.core.organmesh import LeftOut, MeshQuality, RegionFigures
from organtwin.ui.cut_figures import parted, rows_of
from organtwin.ui.cut_lines import closed
from tests.meshing.cubes import cube


@pytest.fixture
def cut() -> Cut:
    """Two cubes of 32 mm side by side; in the middle of the specimen a tumour of 16 mm."""
    whole = cube(4, 8.0)
    moved = whole.points + np.array([32.0, 0.0, 0.0])
    remnant = replace(whole, regions=np.ones_like(whole.regions), structures=whole.structures[:1])
    specimen = replace(whole, points=moved)
    faces = remnant.surface("liver")
    there = (remnant.points[faces][:, :, 0] > remnant.points[:, 0].max() - 1e-9).all(axis=1)
    here = (moved[faces][:, :, 0] < moved[:, 0].min() + 1e-9).all(axis=1)
    return Cut(remnant, specimen, faces[there], faces[here], 65.536, 40.0, 100.0, 0.0, "a plane")


def quality(*left_out: LeftOut) -> MeshQuality:
    figures = RegionFigures("liver", 8.0, 8.0, 0.0, 1.0, 0.3, 0.5, 1, True, 0)
    return MeshQuality(1, 1, 12.0, 0.0, 8.0, (), regions=(figures,), left_out=left_out)


def test_that_a_cut_says_what_stays_and_how_far_it_is_from_tumours(cut: Cut) -> None:
    said = parted(cut)
    assert "33 mL stay, 50 % of the liver" in said
    assert "tumour-1 is cut off with 8 mm around it." in said


def test_that_a_part_of_a_label_is_told_as_such(cut: Cut) -> None:
    rows, doubtful = rows_of(cut, quality(LeftOut("liver", 14.5, "narrower")))
    assert rows[0][0] == "liver\n8.0 of 22.5 mL meshed"
    assert doubtful == [0]


def test_that_a_label_meshed_whole_is_not_told_as_a_part(cut: Cut) -> None:
    assert rows_of(cut, quality())[1] == []
    lost = LeftOut("liver", 14.5, "pieces too small for the edges (the largest at 1, 2, 3)")
    assert quality(lost).share_meshed("liver") == ""


def test_that_angles_not_recorded_are_no_angles() -> None:
    assert replace(quality(), regions=()).from_15_deg_percent is None


def test_that_a_line_that_comes_back_is_closed() -> None:
    turn = np.linspace(0.0, 6.0, 8)
    ring = np.stack([30.0 * np.cos(turn), 30.0 * np.sin(turn), 0.0 * turn], axis=1)
    assert closed(ring)
    assert not closed(ring[:5])
