"""SliderField: a whole number to be dragged or typed, with its name and unit."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QSlider, QSpinBox, QWidget

from organtwin.ui.pieces import words
from organtwin.ui.tips import tooltip

FIELD_WIDTH = 92


class SliderField(QWidget):
    """Name over a slider, a field beside them; arrows, Page up and down, Home, End.

    Signals:
        changed: the new value, by a hand; never by `set_value`.
    """

    changed = Signal(int)

    def __init__(self, name: str, unit: str, low: int, high: int, *, step: int, tip: str) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.field = QSpinBox()
        self.field.setKeyboardTracking(False)
        self.field.setSuffix(unit)
        self.field.setFixedWidth(FIELD_WIDTH)
        self.field.lineEdit().setTextMargins(5, 0, 0, 0)
        self.slider.setPageStep(max(step, (high - low) // 12))
        for each, kind in ((self.slider, "slider"), (self.field, "value")):
            each.setRange(low, high)
            each.setSingleStep(step)
            each.setAccessibleName(f"{name.replace('&', '')}, {kind}")
            each.setToolTip(tooltip(tip))
        label = words(name)
        label.setBuddy(self.slider)
        label.setToolTip(tooltip(tip))
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(0)
        grid.addWidget(label, 0, 0)
        grid.addWidget(self.slider, 1, 0)
        grid.addWidget(self.field, 0, 1, 2, 1)
        self.slider.valueChanged.connect(self._slid)
        self.field.valueChanged.connect(self._typed)

    @property
    def value(self) -> int:
        """The number."""
        return self.slider.value()

    def set_value(self, value: int) -> None:
        """Show a number without telling."""
        for each in (self.slider, self.field):
            with QSignalBlocker(each):
                each.setValue(value)

    def _slid(self, value: int) -> None:
        with QSignalBlocker(self.field):
            self.field.setValue(value)
        self.changed.emit(value)

    def _typed(self, value: int) -> None:
        with QSignalBlocker(self.slider):
            self.slider.setValue(value)
        self.changed.emit(value)
