"""Values as greys: which are bright, and that MONOCHROME1 turns it round in every view."""

from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from organtwin.core.volume import GeometryReport, Volume
from organtwin.ui.viewing import Viewing
from organtwin.ui.views.greys import greys
from organtwin.ui.views.slice_view import SliceView

WINDOW = (50.0, 100.0)
"""Grey goes from 0 to 100."""


def test_that_low_values_are_bright_where_greys_are_inverted() -> None:
    plate = np.array([[-1.0, 0.0, 20.0, 100.0, np.nan]])
    assert greys(plate, WINDOW).tolist() == [[0, 0, 51, 255, 0]]
    assert greys(plate, WINDOW, inverted=True).tolist() == [[255, 255, 204, 0, 0]]


@pytest.mark.parametrize("oblique", [False, True])
def test_that_a_view_shows_monochrome1_inverted(qtbot: QtBot, *, oblique: bool) -> None:
    image = Volume(
        np.full((40, 40, 40), 20, np.int16), np.eye(4), "HU", "CT", GeometryReport((1, 1, 1), "LPS")
    )
    viewing = Viewing()
    view = SliceView("axial", viewing)
    qtbot.addWidget(view)
    view.resize(200, 200)
    brightness = []
    for inverted in (False, True):
        viewing.show_image(replace(image, inverted=inverted))
        viewing.set_window(*WINDOW)
        viewing.set_oblique(oblique)
        brightness.append(view.grab().toImage().pixelColor(80, 80).value())
    assert brightness == pytest.approx([51, 204], abs=1)
