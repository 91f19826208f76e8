"""TargetSums: the sum of target diameters over the visits, in a line, and which are targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from organtwin.ui.pieces import button, words
from organtwin.ui.tips import tooltip

BY_RULE: Final = "The two largest measurable at baseline"
LEAD: Final = "Choose the tumours whose diameters are added up (RECIST 1.1)"


class TargetSums(QWidget):
    """`chosen` is told when a person chose others, names at baseline; none: by the rule."""

    chosen = Signal(list)

    def __init__(self) -> None:
        super().__init__()
        self.button = button("&Targets", LEAD)
        self.menu = QMenu(self.button)
        self.button.setMenu(self.menu)
        self.said = words("", "muted", wrap=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.button)
        row.addWidget(self.said, 1)
        self.hide()

    def show_course(self, course: Mapping[str, Any]) -> None:
        """Show the sums, or why there are none, and offer the baseline's tumours."""
        why = course.get("why", "")
        names = course.get("targets", ())
        self.said.setText(why[:1].upper() + why[1:] if why else _line(course))
        self.said.setToolTip(tooltip("\n".join(course.get("notes", ()))))
        self._offer(course["tumours"], names)
        self.setVisible(bool(course["tumours"]))

    def _offer(self, names: Sequence[str], now: Sequence[str]) -> None:
        self.menu.clear()
        for name in names:
            action = self.menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(name in now)
            action.triggered.connect(lambda _, name=name: self._toggle(name, now))
        self.menu.addSeparator()
        self.menu.addAction(BY_RULE, lambda: self.chosen.emit([]))

    def _toggle(self, name: str, now: Sequence[str]) -> None:
        self.chosen.emit([n for n in now if n != name] if name in now else [*now, name])


def _line(course: Mapping[str, Any]) -> str:
    visits = "; ".join(map(_visit, course["visits"]))
    return f"{' + '.join(course['targets'])}: {visits}"


def _visit(one: Mapping[str, Any]) -> str:
    if one["sum_mm"] is None:
        return f"day {one['day']:g} not evaluable"
    said = f"day {one['day']:g} {one['sum_mm']:.1f} mm"
    if one["baseline_percent"] is None:
        return said
    changes = f"{one['baseline_percent']:+.0f} % to baseline"
    if one["nadir_percent"] is not None:
        changes += f", {one['nadir_percent']:+.0f} % to smallest before"
    return f"{said} ({changes}: {one['response']})"
