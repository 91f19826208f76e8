"""Options of drawing tools: the brush's size and shape; what may be drawn over, inside what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QGridLayout,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin.ui.forms import NumberField
from organtwin.ui.painting import LARGEST_MM, SMALLEST_MM
from organtwin.ui.pieces import choice, side_by_side, tool, words
from organtwin.ui.tips import tooltip
from organtwin.ui.viewing import Viewing

STEPS: Final = 200
ALL: Final = "all"
EMPTY: Final = "empty"
KEEP: Final = "\0keep"
"""No name: structures may overlap."""
OWN: Final = "\0"
"""No name: a structure stays inside what contains it unless something else is said."""


class BrushOptions(QWidget):
    """How large the brush is and whether it is a disc or a ball.

    Signals:
        sized: radius in mm.
        shaped: "disc" or "sphere".
    """

    sized = Signal(float)
    shaped = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setAccessibleName("Radius of the brush")
        self.field = NumberField("Radius of the brush", "mm", SMALLEST_MM, LARGEST_MM)
        self.field.setMaximumWidth(84)
        for each in (self.slider, self.field):
            each.setToolTip("Radius of the brush in mm ([ and ], or Ctrl + wheel over a slice)")
        self.shapes: dict[str, QToolButton] = {}
        group = QButtonGroup(self)
        for name, text, tip in (
            ("disc", "Disc", "In the plane shown only: what the slice shows under it is painted"),
            ("sphere", "Ball", "In all slices at once"),
        ):
            shape = worded(text, tip)
            shape.clicked.connect(lambda _=False, name=name: self.shaped.emit(name))
            group.addButton(shape)
            self.shapes[name] = shape
        self.shapes["disc"].setChecked(True)
        row = side_by_side(self.slider, self.field, *self.shapes.values(), stretch=0)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.setLayout(row)
        self.slider.valueChanged.connect(lambda step: self.sized.emit(_radius(step)))
        self.field.valueChanged.connect(self.sized)

    def show_size(self, radius_mm: float) -> None:
        """Show a radius without telling."""
        blocks = [QSignalBlocker(self.slider), QSignalBlocker(self.field)]
        self.slider.setValue(
            round(STEPS * np.log(radius_mm / SMALLEST_MM) / np.log(LARGEST_MM / SMALLEST_MM))
        )
        self.field.setDecimals(1)
        self.field.setValue(radius_mm)
        for block in blocks:
            block.unblock()


def _radius(step: int) -> float:
    """Return the radius in mm at a place of the slider: equal steps are equal factors."""
    return float(SMALLEST_MM * (LARGEST_MM / SMALLEST_MM) ** (step / STEPS))


class LimitOptions(QWidget):
    """What a gesture may take from, inside which structure, in which range of values.

    Signals:
        spot_asked: the next click in a slice gives the range.
    """

    spot_asked = Signal(bool)

    def __init__(self, viewing: Viewing) -> None:
        super().__init__()
        self._viewing = viewing
        self._chosen = False
        self.over = choice("Over which structures")
        self.over.setToolTip("Which structures may lose voxels to this one")
        self.inside = choice("Inside which structure")
        self.inside.setToolTip("Work only where this structure is")
        self.ranged = QCheckBox("Only some values")
        self.ranged.setAccessibleName("Only in a range of values")
        self.ranged.setToolTip("Change only voxels whose value lies in this range")
        self.low, self.high = (NumberField(f"{end} value", "1", -1e6, 1e6) for end in ENDS)
        self.sliders = [QSlider(Qt.Orientation.Horizontal) for _ in ENDS]
        self.spot = tool("spot", "Range from a spot", SPOT)
        self.spot.setCheckable(True)
        self.spot.toggled.connect(self.spot_asked)
        for end, field, slider in zip(ENDS, (self.low, self.high), self.sliders, strict=True):
            field.setProperty("bare", True)
            field.setMaximumWidth(64)
            field.setMinimumWidth(52)
            field.setToolTip(tooltip(f"{end} value that may change, in the image's unit"))
            slider.setAccessibleName(f"{end} value, slider")
            slider.setMinimumWidth(40)
            slider.valueChanged.connect(lambda value, field=field: field.setValue(value))
            field.valueChanged.connect(self._follow_field)
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        for row, (title, box) in enumerate((("Over", self.over), ("Inside", self.inside))):
            label = words(title)
            label.setBuddy(box)
            grid.addWidget(label, row, 0)
            grid.addWidget(box, row, 1)
        grid.setColumnStretch(1, 1)
        ends = side_by_side(self.low, *self.sliders, self.high)
        ends.setSpacing(4)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(grid)
        column.addLayout(side_by_side(self.ranged, QWidget(), self.spot, stretch=1))
        column.addLayout(ends)
        self.over.activated.connect(lambda _: setattr(self, "_chosen", True))
        self.ranged.toggled.connect(self._enable)
        self._enable(False)
        self.show_structures((), "")

    def show_structures(self, names: Sequence[str], active: str, within: str = "") -> None:
        """Offer the structures there are; what was chosen stays where it still is.

        Until somebody chooses, what lies `within` another takes voxels from that one only.
        """
        others = [name for name in names if name != active]
        empty = f"Empty and {within}" if within in names else "Only what is empty or around it"
        _offer(
            self.over,
            [
                ("Everything", ALL),
                ("Everything, others keep theirs", KEEP),
                (empty, EMPTY),
            ]
            + [(f"Also {name}", name) for name in others],
        )
        if not self._chosen:
            self.over.setCurrentIndex(self.over.findData(EMPTY if within in names else ALL))
        _offer(
            self.inside,
            [("What contains it", OWN), ("Anywhere", ""), *((name, name) for name in others)],
        )

    def arguments(self) -> dict[str, Any]:
        """Return what the tools take."""
        over = self.over.currentData() or ALL
        asked: dict[str, Any] = {"over": over if over in (ALL, EMPTY) else [over]}
        if over == KEEP:
            asked = {"over": ALL, "overlapping": True}
        if self.inside.currentData() not in (OWN, None):
            asked["inside"] = self.inside.currentData()
        if self.ranged.isChecked():
            asked |= {"low": self.low.value(), "high": max(self.low.value(), self.high.value())}
        return asked

    def take_range(self, low: float, high: float) -> None:
        """Work in a range of values from now on."""
        self.spot.setChecked(False)
        self.ranged.setChecked(True)
        self._span(low, high)
        self.low.setValue(low)
        self.high.setValue(high)

    def _enable(self, on: bool) -> None:
        for each in (self.low, self.high, *self.sliders):
            each.setVisible(on)
        if on:
            centre, width = self._viewing.window
            self._span(centre - width / 2, centre + width / 2)
            if self.low.value() == self.high.value():
                self.take_range(centre - width / 4, centre + width / 4)

    def _span(self, low: float, high: float) -> None:
        """Let the sliders reach what the window shows, and a range to show."""
        centre, width = self._viewing.window
        digits = 0 if width >= 50 else 2
        for slider, field in zip(self.sliders, (self.low, self.high), strict=True):
            block = QSignalBlocker(slider)
            slider.setRange(
                int(min(centre - width, np.floor(low))), int(max(centre + width, np.ceil(high)))
            )
            block.unblock()
            field.setDecimals(digits)
            field.setSingleStep(max(width / 100.0, 10.0**-digits))

    def _follow_field(self) -> None:
        for slider, field in zip(self.sliders, (self.low, self.high), strict=True):
            block = QSignalBlocker(slider)
            slider.setValue(round(field.value()))
            block.unblock()


ENDS: Final = ("Lowest", "Highest")
SPOT: Final = (
    "Take the range from a spot: click in a slice (or press I over it while a tool is in hand); "
    "mean ± 2 standard deviations under the brush"
)


def worded(text: str, tip: str, picture: str = "") -> QToolButton:
    """Return a small button that stays down, with words."""
    result = tool(picture or "point", text, tip)
    result.setCheckable(True)
    result.setText(text)
    result.setProperty("words", True)
    style = Qt.ToolButtonStyle
    result.setToolButtonStyle(
        style.ToolButtonTextUnderIcon if picture else style.ToolButtonTextOnly
    )
    return result


def _offer(box: Any, choices: Sequence[tuple[str, str]]) -> None:
    """Offer (text, value)s, keeping what was chosen."""
    if [(box.itemText(n), box.itemData(n)) for n in range(box.count())] == list(choices):
        return
    chosen = box.currentData()
    box.clear()
    for text, value in choices:
        box.addItem(text, value)
    box.setCurrentIndex(max(box.findData(chosen), 0))
