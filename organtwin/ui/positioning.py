"""Positioning: the patient on the table, turned by the mouse, by sliders, by keys or by name."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from organtwin.ui.lying import Lying
from organtwin.ui.slider_field import SliderField
from organtwin.ui.tips import tooltip
from organtwin.ui.views.patient_dial import MOST_TILT, PatientDial

NAMED: Final = (
    ("Supine", 0, "On the back"),
    ("Prone", 180, "Face down"),
    ("Left lateral", 90, "On the left side"),
    ("Right lateral", -90, "On the right side"),
)
MOST_MMHG: Final = 20


class Positioning(QWidget):
    """How the patient lies and the pressure in the abdomen.

    Signals:
        changed: somebody moved something.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.dial = PatientDial()
        self.turned = SliderField(
            "&Turned to the left", "°", -180, 180, step=5,
            tip="About the long axis of the body: 90° is on the left side, -90° on the right",
        )  # fmt: skip
        self.tilted = SliderField(
            "&Head up (rev. Trendelenburg)", "°", -MOST_TILT, MOST_TILT, step=5,
            tip="Reverse Trendelenburg; negative with the head down (Trendelenburg)",
        )  # fmt: skip
        self.pressure = SliderField(
            "&Pneumoperitoneum", " mmHg", 0, MOST_MMHG, step=1,
            tip="Pressure in the abdomen beyond that of the scan; 12 mmHg are 1.6 kPa",
        )  # fmt: skip
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.dial)
        column.addLayout(self._names())
        for field in (self.turned, self.tilted, self.pressure):
            column.addWidget(field)
            field.changed.connect(self._moved)
        self.dial.turned.connect(partial(self._dragged, self.turned))
        self.dial.tilted.connect(partial(self._dragged, self.tilted))

    @property
    def lying(self) -> Lying:
        """The position shown."""
        turned = self.turned.value if self.turned.value > -180 else 180
        return Lying(turned, self.tilted.value, self.pressure.value)

    def move_to(self, lying: Lying) -> None:
        """Take a position as if by hand."""
        self.turned.set_value(round(lying.turned_deg))
        self.tilted.set_value(round(lying.head_up_deg))
        self.pressure.set_value(round(lying.pneumoperitoneum_mmhg))
        self._moved()

    def _names(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(4)
        for number, (name, degrees, tip) in enumerate(NAMED):
            each = QToolButton()
            each.setText(name)
            each.setProperty("words", True)
            each.setAccessibleName(tip)
            each.setToolTip(tooltip(tip))
            each.clicked.connect(partial(self._turn_to, degrees))
            each.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            grid.addWidget(each, *divmod(number, 2))
        return grid

    def _turn_to(self, degrees: int, _: bool = False) -> None:
        self._dragged(self.turned, degrees)

    def _dragged(self, field: SliderField, value: int) -> None:
        field.set_value(value)
        self._moved()

    def _moved(self, _: int = 0) -> None:
        self.dial.show_lying(self.lying)
        self.changed.emit()
