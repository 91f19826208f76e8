"""ActionCard: one action of a scenario as a form made of its kind."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from organtwin.actions import ActionKind
from organtwin.core.scenario import Action
from organtwin.ui.forms import Form
from organtwin.ui.pieces import tool, words
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
        arguments = {
            name: tuple(v) if isinstance(v, list) else v for name, v in values.items()
        }
        return Action(self._kind.name, day, arguments)

    def set_arguments(self, **arguments: Any) -> None:
        """Show other values without telling."""
        self.form.set_values(arguments)
