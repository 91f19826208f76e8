"""Actions as forms made of their kinds: one card each, and a list of them to edit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from organtwin.actions import ActionKind, action_kinds
from organtwin.core.scenario import Action
from organtwin.ui.forms import Form
from organtwin.ui.pieces import button, cleared, tool, words
from solvers.contract import Parameter


class ActionCard(QFrame):
    """Title, day, one field for each argument, a button to remove it."""

    changed = Signal()
    removed = Signal()

    def __init__(self, kind: ActionKind, action: Action) -> None:
        super().__init__()
        self._kind = kind
        self.setProperty("card", "true")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.addWidget(words(kind.title, "heading"), 1)
        remove = tool("close", f"Remove {kind.title}", "Remove this action")
        remove.clicked.connect(self.removed)
        head.addWidget(remove)
        column.addLayout(head)
        day = Parameter("day", "day", 0.0, 3650.0, "days since the baseline visit", "the plan", 0.0)
        counted = frozenset(p.name for p in kind.form if p.name in ("fractions", "doses"))
        self.form = Form((day, *kind.form), kind.vectors, integers=counted)
        for name in kind.texts:
            self.form.add_text(name, name[:1].upper() + name[1:])
        self.form.set_values(
            {**kind.texts, **kind.vector_defaults, **action.arguments, "day": action.day}
        )
        self.form.changed.connect(self.changed)
        column.addWidget(self.form)

    def action(self) -> Action:
        """Return the action as it stands."""
        values: dict[str, Any] = self.form.values()
        day = float(values.pop("day"))
        arguments = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return Action(self._kind.name, day, arguments)

    def set_arguments(self, **arguments: Any) -> None:
        """Show other values without telling."""
        self.form.set_values(arguments)


class ActionList(QWidget):
    """The actions of one scenario.

    Args:
        place_mm: returns where a new plane or probe is put (LPS mm).

    Signals:
        edited: a number changed; reshaped: an action was added or removed.
    """

    edited = Signal()
    reshaped = Signal()

    def __init__(self, place_mm: Callable[[], Sequence[float]]) -> None:
        super().__init__()
        self._place_mm = place_mm
        self.cards: list[ActionCard] = []
        self._day = 0.0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        column.addLayout(self._rows)
        more = button("Add an &action", "Add something that is done", picture="plus")
        menu = QMenu(more)
        for kind in action_kinds().values():
            menu.addAction(kind.title).triggered.connect(
                lambda _=False, name=kind.name: self.add(name)
            )
        more.setMenu(menu)
        column.addWidget(more)

    def actions_made(self) -> tuple[Action, ...]:
        """Return the actions as they stand."""
        return tuple(each.action() for each in self.cards)

    def show_actions(self, actions: Sequence[Action], day: float) -> None:
        """Show other actions; a new one will be on `day`."""
        self._day = day
        cleared(self._rows)
        self.cards = []
        for action in actions:
            self._append(action)

    def add(self, name: str) -> None:
        """Add an action of a kind with values to begin with."""
        kind = action_kinds()[name]
        self._append(Action(name, self._day, first_values(kind, self._place_mm())))
        self.reshaped.emit()

    def _append(self, action: Action) -> None:
        each = ActionCard(action_kinds()[action.kind], action)
        each.changed.connect(self.edited)
        each.removed.connect(lambda: self._remove(each))
        self._rows.addWidget(each)
        self.cards.append(each)

    def _remove(self, gone: ActionCard) -> None:
        self.cards.remove(gone)
        gone.hide()
        gone.deleteLater()
        self.reshaped.emit()


def first_values(kind: ActionKind, place_mm: Sequence[float]) -> dict[str, Any]:
    """Return arguments to begin with: defaults, places at `place_mm` (LPS), 10 where none is."""
    x, y, z = (round(float(v), 1) for v in place_mm)
    begin: dict[str, Any] = {}
    for parameter in kind.form:
        name = parameter.name
        if name in kind.vector_defaults:
            begin[name] = kind.vector_defaults[name]
        elif name in kind.vectors and parameter.unit == "mm":
            begin[name] = (x, y - 60.0, z) if name.startswith("entry") else (x, y, z)
        elif name in kind.vectors:
            begin[name] = (1.0, 0.0, 0.0)
        elif parameter.default is not None:
            begin[name] = parameter.default
        else:
            begin[name] = min(max(10.0, parameter.low), parameter.high)
    return begin | dict(kind.texts)
