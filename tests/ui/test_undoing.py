"""What Ctrl+Z takes back, and what it is called."""

import numpy as np

from organtwin.ui.resection import Resection, Sight
from organtwin.ui.undoing import standing, take_back, would_undo
from organtwin.ui.window import MainWindow

SIGHT = Sight(np.array([0.0, 0.0, 1.0]), 1.0)


def test_that_undo_is_called_by_the_step_it_would_take_back(window: MainWindow) -> None:
    assert would_undo(window.session) == "Undo segment"
    window.session.undo()
    assert would_undo(window.session) == "Undo import"
    window.session.redo()
    assert standing(window.session.entries) == "segment"
    assert "Undo segment (Ctrl+Z)" in window._actions["undo"].toolTip()


def test_that_points_are_taken_back_one_by_one() -> None:
    hand = Resection()
    for x in (0.0, 10.0, 20.0):
        hand.add_point(np.array([x, 0.0, 0.0]), SIGHT)
    assert hand.undo()
    assert hand.lines[0][:, 0].tolist() == [0.0, 10.0]
    assert [hand.undo() for _ in range(3)] == [True, True, False]
    assert hand.lines == ()


def test_that_a_step_stays_while_lines_are_drawn(window: MainWindow) -> None:
    hand = Resection()
    hand.add_point(np.zeros(3), SIGHT)
    before = len(window.session.entries)
    window.showing.viewing.take_in_hand(hand)
    window._actions["undo"].trigger()
    window._actions["undo"].trigger()
    assert hand.lines == ()
    assert len(window.session.entries) == before
    take_back(window.session, None)
    assert len(window.session.entries) == before + 1
