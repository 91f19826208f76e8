"""Which vessel pieces hang together, and what the vessels around a piece say."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.segmenting.company import SAID, Company
from organtwin.segmenting.forest import share_with
from organtwin.segmenting.pieces import Pieces


def rows(*height_mm: float) -> Pieces:
    """Straight vessels of four pieces each, 6 mm apart along x, at these heights."""
    places = [(6.0 * step, 0.0, y) for y in height_mm for step in range(4)]
    joins = [(4 * n + step, 4 * n + step + 1) for n in range(len(height_mm)) for step in (1, 2, 3)]
    middle = np.array([(0.0, 0.0, 0.0), *places])
    number = np.zeros((1, 1, 1), np.int32)
    return Pieces(number, middle, np.array(joins), np.ones(len(joins)), len(places))


def test_that_a_join_of_a_ring_of_three_is_in_two_of_its_three_trees() -> None:
    ring = np.array([(1, 2), (2, 3), (1, 3)])
    assert share_with(ring, np.zeros(3), 4) == pytest.approx([2 / 3] * 3, abs=1e-5)


def test_that_of_two_joins_of_one_pair_each_has_its_share_of_the_odds() -> None:
    shares = share_with(np.array([(1, 2), (1, 2)]), np.log([1.0, 3.0]), 3)
    assert shares == pytest.approx([0.25, 0.75], abs=1e-5)


def test_that_a_faint_join_is_sure_where_a_piece_has_no_other() -> None:
    shares = share_with(np.array([(1, 2), (2, 3)]), np.array([2.0, -6.0]), 4)
    assert shares == pytest.approx([1.0, 1.0], abs=1e-3)


def test_that_a_vessel_beside_another_without_kin_is_of_the_other_tree() -> None:
    mine = np.arange(9) <= 4
    said = Company.of(rows(0.0, 3.0)).speaks_for(mine)
    assert said[1:5].min() > SAID / 2.0
    assert said[5:] == pytest.approx(-said[1:5])


def test_that_a_vessel_far_from_all_others_hears_nothing_and_kin_on_its_line_say_nothing() -> None:
    said = Company.of(rows(0.0, 90.0)).speaks_for(np.arange(9) <= 4)
    assert said == pytest.approx(np.zeros(9))
