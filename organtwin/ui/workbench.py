"""Workbench: which structure of the visit shown is worked on, and the steps that change the list.

Pages and tools share it, so that the structure chosen in one place is the one drawn in another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QObject, Signal

from organtwin.core.case import Work, WorkState
from organtwin.core.labelmap import LabelMap, Structure
from organtwin.core.volume import GeometryReport, Volume
from organtwin.ui.showing import Showing

NEXT_STATE: Final[dict[WorkState, WorkState]] = {
    "not started": "in progress",
    "carried": "in progress",
    "in progress": "done",
    "done": "in progress",
    "reviewed": "in progress",
}
"""What one click makes of a state; a review is said on purpose, from the menu."""
COLOURS: Final = (
    ("red", (0.84, 0.30, 0.28)), ("orange", (0.93, 0.58, 0.25)), ("yellow", (0.93, 0.83, 0.34)),
    ("olive", (0.66, 0.72, 0.34)), ("green", (0.38, 0.74, 0.44)), ("teal", (0.30, 0.73, 0.69)),
    ("sky", (0.36, 0.70, 0.93)), ("blue", (0.34, 0.48, 0.90)), ("violet", (0.60, 0.42, 0.86)),
    ("pink", (0.92, 0.50, 0.72)), ("brown", (0.64, 0.47, 0.36)), ("grey", (0.66, 0.69, 0.72)),
)  # fmt: skip


class Workbench(QObject):
    """The structure in work, and what is done to the list of structures.

    Signals:
        chosen: another structure is worked on, "" for none.
        said: one line for the person at work.
    """

    chosen = Signal(str)
    said = Signal(str)

    def __init__(self, showing: Showing, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.showing, self.session = showing, showing.session
        self._active = ""

    @property
    def labels(self) -> LabelMap | None:
        """The labels of the visit shown, None when there are none."""
        return self.showing.labels_of(self.showing.visit)

    @property
    def structures(self) -> tuple[Structure, ...]:
        """Structures of the visit shown in the order of drawing."""
        labels = self.labels
        return labels.structures if labels is not None else ()

    @property
    def volume(self) -> Volume | None:
        """The image of the visit shown."""
        visit = self.showing.shown_visit
        return self.session.get(visit.volume) if visit is not None and visit.volume else None

    @property
    def geometry(self) -> GeometryReport | None:
        """How far the geometry of that image can be trusted."""
        volume = self.volume
        return volume.geometry if volume is not None else None

    @property
    def active(self) -> str:
        """The structure worked on: the one chosen if it is there, else the first, else ""."""
        names = [s.name for s in self.structures]
        return self._active if self._active in names else next(iter(names), "")

    def choose(self, name: str) -> None:
        """Work on a structure from now on."""
        self._active = name
        self.chosen.emit(self.active)

    def choose_number(self, number: int) -> None:
        """Work on the structure of that place in the list, from 1, if there is one."""
        if 1 <= number <= len(self.structures):
            self.choose(self.structures[number - 1].name)

    # -- the list -------------------------------------------------------------------------------

    def names_to_add(self) -> list[str]:
        """Return what may be added by one click: structures of the organ, and the next tumour."""
        there = {s.name for s in self.structures}
        numbers = (n for n in range(1, 100) if f"tumour-{n}" not in there)
        own = [s.name for s in self.showing.organ.structures if s.name not in there]
        return [*own, f"tumour-{next(numbers)}"]

    def add(self, name: str) -> bool:
        """Add a structure and work on it; one of a person's own naming in a colour that is free."""
        asked: dict[str, Any] = {"do": "add", "structure": name}
        taken = [s.colour for s in self.structures]
        free = [list(colour) for _, colour in COLOURS if colour not in taken]
        if free and name not in self.names_to_add():
            asked["colour"] = free[0]
        return self._do(name, **asked)

    def rename(self, name: str, to: str) -> bool:
        """Give a structure another name."""
        return to == name or self._do(to, do="rename", structure=name, to=to)

    def recolour(self, name: str, colour: Sequence[float]) -> bool:
        """Give a structure another colour, each part 0..1."""
        return self._do(name, do="recolour", structure=name, colour=list(colour))

    def remove(self, name: str) -> bool:
        """Take a structure off the labels; undo brings it back."""
        return self._do("", do="remove", structure=name)

    def may_move(self, name: str, by: int) -> bool:
        """Return whether a structure can be drawn earlier (-1) or later (1) by one place."""
        names = [s.name for s in self.structures]
        return name in names and self._moved(name, names.index(name) + by) is not None

    def move(self, name: str, by: int) -> bool:
        """Draw a structure earlier (-1) or later (1) by one place."""
        return self.place(name, [s.name for s in self.structures].index(name) + by)

    def place(self, name: str, to: int) -> bool:
        """Draw a structure at another place in the order, from 0."""
        names = self._moved(name, to)
        if names is None:
            self.said.emit("What lies within a structure is drawn after it")
            return False
        return names == [s.name for s in self.structures] or self._do(
            name, do="reorder", order=names
        )

    def _moved(self, name: str, to: int) -> list[str] | None:
        """Return the order with a structure at another place, None where that may not be."""
        names = [s.name for s in self.structures if s.name != name]
        if not 0 <= to <= len(names):
            return None
        names.insert(to, name)
        inner = (s for s in self.structures if s.within in names)
        fits = all(names.index(s.within) < names.index(s.name) for s in inner)
        return names if fits else None

    def work_on(self, name: str) -> Work:
        """Return how far a structure is."""
        visit = self.showing.shown_visit
        return visit.work_on(name) if visit is not None else Work(name, "not started")

    def mark(self, name: str, state: WorkState) -> bool:
        """Say how far a structure is; who reviewed it is who opened the case."""
        who = self.session.folder.who if state == "reviewed" else ""
        if self.work_on(name) == Work(name, state, who):
            return True
        asked = {"visit": self.showing.visit, "structure": name, "state": state, "who": who}
        return self.session.do("mark", asked)

    def _do(self, active: str, **asked: Any) -> bool:
        visit = self.showing.shown_visit
        if visit is not None and visit.labels and not self.session.busy:
            self.showing.easel.put(visit.labels)
        done = self.session.do("structure", {"visit": self.showing.visit, **asked})
        if done:
            self.choose(active)
        return done
