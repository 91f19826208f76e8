"""Forms made of `solvers.contract.Parameter`s: unit as suffix, bounds kept, source in the tip."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, override

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from organtwin.core.directions import LETTERS, letter, sided
from organtwin.ui.pieces import choice, words
from organtwin.ui.tips import tooltip
from solvers.contract import Parameter

_SIDED: Final = re.compile(r"([A-Za-z]?)\s*([-\N{MINUS SIGN}]?)\s*(\d*[.,]?\d*)")


def readable(name: str, unit: str = "") -> str:
    """Return a parameter's name for a person: no underscores, no unit suffix."""
    text = name
    suffix = {
        "mm²/day": "_mm2_per_day",
        "1/day": "_per_day",
        "1/Gy": "_per_gy",
        "Gy": "_gy",
        "mm": "_mm",
        "mL": "_ml",
        "day": "_days",
        "kPa": "_kpa",
        "°": "_deg",
    }.get(unit, "")
    if suffix and text.endswith(suffix) and text != suffix:
        text = text[: -len(suffix)]
    text = text.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


class NumberField(QDoubleSpinBox):
    """A number with its unit; as many decimals as its size asks for; the wheel needs focus."""

    def __init__(self, name: str, unit: str, low: float, high: float) -> None:
        super().__init__()
        self.setAccessibleName(f"{name} in {unit}" if unit != "1" else name)
        self.setRange(low, high)
        if unit != "1":
            self.setSuffix(f" {unit}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(64)
        self.setKeyboardTracking(False)
        self.lineEdit().setTextMargins(5, 0, 0, 0)
        self.set_number(low)

    def set_number(self, value: float) -> None:
        """Set the value with as many decimals as it needs."""
        size = abs(value) or 1.0
        self.setDecimals(min(6, max(0 if size >= 1000 else 1, 2 - math.floor(math.log10(size)))))
        self.setSingleStep(10.0 ** math.floor(math.log10(size)) / (2.0 if size >= 1 else 1.0))
        self.setValue(value)

    def wheelEvent(self, event: Any) -> None:
        """Leave the wheel to the page unless the field has the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class SideField(NumberField):
    """A number along L, P or S, written and typed as "R 77.1" or "L 77.1".

    A number typed without its letter, and without a minus, stays on the side it was on.
    """

    def __init__(self, axis: int, name: str, parameter: Parameter) -> None:
        self._axis = axis
        super().__init__(name, parameter.unit, parameter.low, parameter.high)
        self.setSuffix("")
        self.setDecimals(1 if parameter.unit == "mm" else 2)
        self.setSingleStep(1.0 if parameter.unit == "mm" else 0.05)
        self.setProperty("bare", True)
        self.setMinimumWidth(56)

    @override
    def textFromValue(self, value: float) -> str:
        """Return letter and number."""
        return sided((value,), self.decimals(), first=self._axis)[0]

    @override
    def valueFromText(self, text: str) -> float:
        """Return the number along L, P or S."""
        found = _SIDED.fullmatch(text.strip())
        if not found or not found[3]:
            return self.value()
        number = float(found[3].replace(",", "."))
        here = found[1].upper() or letter(self._axis, self.value())
        if found[2]:
            return -number if not found[1] or here == LETTERS[self._axis][1] else number
        return number if here == LETTERS[self._axis][1] else -number

    @override
    def validate(self, text: str, place: int) -> tuple[QValidator.State, str, int]:
        """Let a letter of this axis and a number be typed."""
        found = _SIDED.fullmatch(text.strip())
        if not found or (found[1] and found[1].upper() not in LETTERS[self._axis]):
            return QValidator.State.Invalid, text, place
        inside = found[3] and self.minimum() <= self.valueFromText(text) <= self.maximum()
        state = QValidator.State.Acceptable if inside else QValidator.State.Intermediate
        return state, text, place


class VectorField(QWidget):
    """A place or direction: three numbers towards R or L, A or P, I or S."""

    changed = Signal()

    def __init__(self, name: str, parameter: Parameter) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.fields = []
        for axis, (negative, positive) in enumerate(LETTERS):
            field = SideField(axis, f"{name}, {negative} or {positive}", parameter)
            field.valueChanged.connect(self.changed)
            row.addWidget(field)
            self.fields.append(field)
        self.setFocusProxy(self.fields[0])

    def value(self) -> tuple[float, float, float]:
        """Return the three numbers along L, P, S."""
        x, y, z = (field.value() for field in self.fields)
        return x, y, z

    def set_value(self, value: Sequence[float]) -> None:
        """Show three numbers along L, P, S without telling."""
        for field, number in zip(self.fields, value, strict=True):
            field.blockSignals(True)
            field.setValue(float(number))
            field.blockSignals(False)


class Form(QWidget):
    """One field for each parameter."""

    changed = Signal()

    def __init__(
        self,
        parameters: Sequence[Parameter],
        vectors: frozenset[str] = frozenset(),
        *,
        integers: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__()
        self._layout = QFormLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setHorizontalSpacing(12)
        self._layout.setVerticalSpacing(8)
        self._layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self._layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self._layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.fields: dict[str, QDoubleSpinBox | QSpinBox | VectorField | QComboBox | QLineEdit] = {}
        for parameter in parameters:
            self.add_parameter(
                parameter,
                vector=parameter.name in vectors,
                integer=parameter.name in integers,
            )

    def values(self) -> dict[str, Any]:
        """Return name → number, text or three numbers."""
        found: dict[str, Any] = {}
        for name, field in self.fields.items():
            if isinstance(field, VectorField):
                found[name] = list(field.value())
            elif isinstance(field, QComboBox):
                found[name] = field.currentData()
            elif isinstance(field, QLineEdit):
                found[name] = field.text()
            else:
                found[name] = field.value()
        return found

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show values without telling."""
        for name, value in values.items():
            field = self.fields.get(name)
            if field is None or value is None:
                continue
            field.blockSignals(True)
            if isinstance(field, VectorField):
                field.set_value(value)
            elif isinstance(field, NumberField):
                field.set_number(float(value))
            elif isinstance(field, QSpinBox):
                field.setValue(int(value))
            elif isinstance(field, QComboBox):
                field.setCurrentIndex(max(field.findData(value), 0))
            elif isinstance(field, QLineEdit):
                field.setText(str(value))
            field.blockSignals(False)

    def add_choice(self, name: str, title: str, choices: Sequence[tuple[str, str]]) -> QComboBox:
        """Add a list of (value, title) to choose from."""
        field = choice(title)
        for value, text in choices:
            field.addItem(text, value)
        field.currentIndexChanged.connect(self.changed)
        self._place(name, title, field)
        return field

    def add_text(self, name: str, title: str, text: str = "") -> QLineEdit:
        """Add a line of text."""
        field = QLineEdit(text)
        field.editingFinished.connect(self.changed)
        self._place(name, title, field)
        return field

    def add_parameter(
        self, parameter: Parameter, *, vector: bool = False, integer: bool = False
    ) -> None:
        """Add a field for one parameter."""
        title = readable(parameter.name, parameter.unit)
        field: QDoubleSpinBox | QSpinBox | VectorField
        if vector:
            field = VectorField(title, parameter)
            field.changed.connect(self.changed)
        elif integer:
            field = QSpinBox()
            field.setRange(int(parameter.low), int(parameter.high))
            field.lineEdit().setTextMargins(5, 0, 0, 0)
            field.setValue(int(parameter.default or parameter.low))
            field.valueChanged.connect(self.changed)
        else:
            field = NumberField(title, parameter.unit, parameter.low, parameter.high)
            if parameter.default is not None:
                field.set_number(parameter.default)
            field.valueChanged.connect(self.changed)
        bounds = f"{parameter.low:g} to {parameter.high:g} {parameter.unit}"
        tip = f"{parameter.meaning} ({bounds}).\nSource: {parameter.source}"
        field.setToolTip(tooltip(tip))
        self._place(parameter.name, title, field)

    def _place(self, name: str, title: str, field: Any) -> None:
        if not field.accessibleName():
            field.setAccessibleName(title)
        label = words(title)
        label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        label.setToolTip(field.toolTip())
        label.setBuddy(field)
        self.fields[name] = field
        self._layout.addRow(label, field)
