"""Deforming: asks a process beside the window what positions do; the newest request wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from organtwin.ui.child import Child
from organtwin.ui.lying import Lying
from organtwin.ui.session import Session

DIED: Final = "the process that deforms the organ ended"


@dataclass(frozen=True, eq=False)
class Deformed:
    """One answer.

    Args:
        position: what it was asked for.
        simulation: id of the accurate one in the case, "" for a preview.
        displacement_mm: (n, 3) float32 at the mesh's points, LPS.
        stretch: (n,) float32 at the mesh's points (1), as `deform_figures.stretches`.
        told: as `deform_figures.told`.
        took_s: in the process asked.
    """

    position: Lying
    simulation: str
    displacement_mm: NDArray[np.float32]
    stretch: NDArray[np.float32]
    told: Mapping[str, Any]
    took_s: float


@dataclass(frozen=True)
class Refused:
    """Why there is no answer, and what to do."""

    position: Lying
    what: str
    advice: str


class Deforming(QObject):
    """One conversation (see `aside.positions`) about the mesh of the case.

    While one request is worked on only the newest of the others is kept. A process that died is
    started anew with the next request.

    Signals:
        readied: tetrahedra of the previews' mesh, and why it is not a coarser one, "" else.
        deformed: a Deformed.
        refused: a Refused; none of what is shown changed.
        waiting: whether there is a request without an answer.
    """

    readied = Signal(int, str)
    deformed = Signal(object)
    refused = Signal(object)
    waiting = Signal(bool)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._child: Child | None = None
        self._about: dict[str, Any] = {}
        self._next: tuple[Lying, str] | None = None
        self._asked: tuple[Lying, str] | None = None
        self._number = 0
        session.case_changed.connect(self._follow_case)

    @property
    def pid(self) -> int:
        """The id of the process asked, 0 when there is none."""
        return self._child.pid if self._child is not None else 0

    def begin(self) -> None:
        """Have a process for the mesh of the case, unless there is one."""
        session = self._session
        if not session.is_open or not session.case.mesh:
            self.end()
            return
        about = {
            "objects": str(session.folder.objects.root),
            "mesh": session.case.mesh,
            "organ": session.case.organ,
            "out": str(session.folder.jobs / "deformed.npz"),
            "coarse": str(session.folder.jobs / f"coarse-1-{session.case.mesh[:32]}.mesh"),
        }
        if about != self._about:
            self.end()
        if self._child is None:
            self._about = about
            self._child = session.ask("positions", about, told=self._take)
            self._child.ended.connect(self._ended)

    def ask(self, position: Lying, simulation: str = "") -> None:
        """Ask for a preview, or for the fields of an accurate simulation of the case."""
        self.begin()
        if self._child is None:
            return
        self._next = (position, simulation)
        if self._asked is None:
            self._go_on()

    def end(self) -> None:
        """Let the process go; what it was asked for is forgotten."""
        child, self._child = self._child, None
        self._about, self._next = {}, None
        self._rest()
        if child is not None:
            child.ended.disconnect(self._ended)
            child.stop()

    def _go_on(self) -> None:
        self._asked, self._next = self._next, None
        self.waiting.emit(self._asked is not None)
        if self._asked is None or self._child is None:
            return
        position, simulation = self._asked
        self._number += 1
        said: dict[str, Any] = {"number": self._number}
        said |= {"simulation": simulation} if simulation else {"position": position.arguments}
        self._child.say(said)

    def _take(self, part: Mapping[str, Any]) -> None:
        if self._child is None:
            return
        if part["part"] == "ready":
            self._session.whispered.emit(0.0, "Ready")
            self.readied.emit(int(part["tetrahedra"]), str(part["why"]))
        elif part["part"] == "idle":
            self._go_on()
        elif self._asked is not None and part["number"] == self._number:
            self._tell(part, *self._asked)

    def _tell(self, part: Mapping[str, Any], position: Lying, simulation: str) -> None:
        if part["part"] == "refused":
            self.refused.emit(Refused(position, str(part["what"]), str(part["advice"])))
            return
        with np.load(Path(self._about["out"])) as fields:
            moved, stretch = fields["displacement_mm"], fields["stretch"]
        took_s = float(part["took_s"])
        self.deformed.emit(Deformed(position, simulation, moved, stretch, part, took_s))

    def _follow_case(self) -> None:
        """Let go of a process that speaks of another mesh."""
        if self._about and self._about["mesh"] != self._session.case.mesh:
            self.end()

    def _ended(self, *_: object) -> None:
        """Forget a process that died; the session says why, the next request starts another."""
        self._child = None
        if self._asked is not None:
            self.refused.emit(Refused(self._asked[0], DIED, "move a slider to start another"))
        self._about, self._next = {}, None
        self._rest()

    def _rest(self) -> None:
        if self._asked is not None:
            self._asked = None
            self.waiting.emit(False)
