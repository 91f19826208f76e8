"""Places are typed as they are read."""

import pytest
from PySide6.QtGui import QValidator
from pytestqt.qtbot import QtBot

from organtwin.ui.forms import VectorField
from solvers.contract import Parameter

POINT = Parameter("point_mm", "mm", -500.0, 500.0, "a point", "choose", 0.0)


@pytest.mark.parametrize(
    ("typed", "read", "along_l"),
    [
        ("R 12.5", "R 12.5", -12.5),
        ("l 3", "L 3.0", 3.0),
        ("8", "R 8.0", -8.0),
        ("-8", "R 8.0", -8.0),
        ("R -8", "L 8.0", 8.0),
    ],
)
def test_that_a_place_is_typed_with_its_letter(
    qtbot: QtBot, typed: str, read: str, along_l: float
) -> None:
    made = VectorField("Point", POINT)
    qtbot.addWidget(made)
    made.set_value((-77.1, -15.1, 20.0))
    assert [f.text() for f in made.fields] == ["R 77.1", "A 15.1", "S 20.0"]
    first = made.fields[0]
    first.lineEdit().setText(typed)
    first.interpretText()
    assert (first.text(), made.value()[0]) == (read, along_l)


def test_that_no_letter_of_another_axis_is_taken(qtbot: QtBot) -> None:
    made = VectorField("Point", POINT)
    qtbot.addWidget(made)
    assert made.fields[0].validate("A 3", 3)[0] == QValidator.State.Invalid
