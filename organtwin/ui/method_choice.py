"""MethodChoice: which method finds structures, and what it may be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from organtwin.ui.forms import Form
from organtwin.ui.pieces import choice, words
from organtwin.ui.tips import tooltip
from organtwin.ui.workbench import Workbench
from solvers.contract import Parameter

CARRY: Final = "propagate"
BESIDE_PX: Final = 28
"""What the popup of a list needs beside its words."""
SHORT: Final = {
    "liver-ct": "Liver CT",
    "vessels": "Vessels",
    "grow-from-seeds": "Grow",
    "random-walker": "Random walker",
    "geodesic-contour": "Contour",
    "watershed": "Watershed",
    "threshold": "Threshold",
    "tumour-click": "Tumour",
    "between-slices": "Between slices",
}
"""Method of the product → the word that tells it from the others."""
PAINTED: Final = frozenset({"between-slices"})
"""Methods that start from the labels painted so far and need no seeds."""
CORRECTED: Final = frozenset({"vessels"})
"""Methods that work by themselves and are corrected by seeds."""
TAKING_SEEDS: Final = frozenset({"seeded", "corrected"})
ABOUT: Final = {
    "seeded": "Starts from seeds in what it shall find; labels so far are kept.",
    "automatic": "Works by itself; what it finds takes the place of labels of the same name.",
    "corrected": "Works by itself. A click on a branch moves it, with what hangs on it, to the "
    "tree named beside Scribble.",
    "painted": "Goes on from what is painted so far; nothing more is needed.",
    "carried": "Moves the labels of that visit to where this image shows the same anatomy. Carried "
    "is not measured: correct each structure, or mark it as done.",
}


class MethodChoice(QObject):
    """A list to choose from, what the method is, and its settings as a form.

    Signals:
        changed: another method is chosen.
        set_up: a setting is another one.
    """

    changed = Signal()
    set_up = Signal()

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._bench = bench
        self.list = choice("Method of segmentation")
        self.list.setPlaceholderText("Looking for methods…")
        self.about = words("", "muted", wrap=True)
        self.refused = words("", "warn", wrap=True)
        self.refused.setToolTip("Models that cannot be used")
        self.refused.hide()
        self.settings = QWidget()
        self._room = QVBoxLayout(self.settings)
        self._room.setContentsMargins(0, 0, 0, 0)
        self._forms: dict[str, Form] = {}
        self.list.currentIndexChanged.connect(self._chosen)
        bench.session.ask("methods", {}, self._take)

    @property
    def chosen(self) -> Mapping[str, Any] | None:
        """Name, title, kind, modality and settings of the method chosen."""
        found: Mapping[str, Any] | None = self.list.currentData()
        return found

    @property
    def name(self) -> str:
        """The name of the method chosen, "" before one is."""
        return str(self.chosen["name"]) if self.chosen else ""

    @property
    def kind(self) -> str:
        """Whether it is automatic, corrected, seeded, painted or carried; "" for none chosen."""
        if self.name in PAINTED:
            return "painted"
        if self.name in CORRECTED:
            return "corrected"
        return str(self.chosen["kind"]) if self.chosen else ""

    @property
    def fits(self) -> bool:
        """Whether it can read the image of the visit shown."""
        volume = self._bench.volume
        needed = self.chosen["modality"] if self.chosen else ""
        return not (needed and volume and needed != volume.modality)

    def values(self) -> dict[str, float]:
        """Return its settings."""
        return dict(self._form(self.chosen).values()) if self.chosen else {}

    def choose(self, name: str) -> None:
        """Choose the method of a name, if there is one."""
        for number in range(self.list.count()):
            if self.list.itemData(number)["name"] == name:
                self.list.setCurrentIndex(number)

    def refresh(self) -> None:
        """Offer to carry labels here from the visit before that has some."""
        visits, shown = self._bench.session.case.visits, self._bench.showing.visit
        labelled = [n for n, visit in enumerate(visits) if visit.labels and n != shown]
        start = max((n for n in labelled if n < shown), default=next(iter(labelled), None))
        known = [self.list.itemData(n) for n in range(self.list.count())]
        there = next((n for n, method in enumerate(known) if method["name"] == CARRY), None)
        if not known or (there is not None and known[there]["start"] == start):
            return
        blocked = QSignalBlocker(self.list)
        if there is not None:
            self.list.removeItem(there)
        if start is not None:
            title = f"Carry the labels of day {visits[start].day:g} here"
            offered = {"name": CARRY, "title": title, "kind": "carried", "start": start}
            self._add({**offered, "modality": "", "settings": []})
        blocked.unblock()
        self._chosen()

    def _take(self, answer: Mapping[str, Any]) -> None:
        blocked = QSignalBlocker(self.list)
        for method in sorted(answer["methods"], key=lambda m: str(m["kind"])):
            self._add(method)
        self.list.setCurrentIndex(0)
        self.refused.setText("\n".join(f"{m['name']}: {m['why']}" for m in answer["refused"]))
        self.refused.setVisible(bool(answer["refused"]))
        blocked.unblock()
        self.refresh()
        self._chosen()

    def _add(self, method: Mapping[str, Any]) -> None:
        self.list.addItem(_titled(method), method)
        last, role = self.list.count() - 1, Qt.ItemDataRole.ToolTipRole
        self.list.setItemData(last, tooltip(method["title"]), role)
        view = self.list.view()
        view.setMinimumWidth(view.sizeHintForColumn(0) + BESIDE_PX)

    def _chosen(self) -> None:
        chosen = self.chosen
        for form in self._forms.values():
            form.hide()
        self.settings.setVisible(bool(chosen and chosen["settings"]))
        if chosen:
            self._form(chosen).setVisible(bool(chosen["settings"]))
            need = f" It reads {chosen['modality']} only." if chosen["modality"] else ""
            self.about.setText(ABOUT[self.kind] + need)
        self.list.setToolTip(tooltip(self.list.currentText()))
        self.changed.emit()

    def _form(self, chosen: Mapping[str, Any]) -> Form:
        name = chosen["name"]
        if name not in self._forms:
            form = Form([Parameter(**setting) for setting in chosen["settings"]])
            form.changed.connect(self.set_up)
            self._forms[name] = form
            self._room.addWidget(form)
        return self._forms[name]


def _titled(method: Mapping[str, Any]) -> str:
    """Return a title with what tells methods apart first, for it may be cut off at its end."""
    word = SHORT.get(str(method["name"]), "")
    return f"{word}: {_lower(method['title'])}" if word else str(method["title"])


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]
