"""Segment: structures of the visit shown; drawn by hand, found by a method, taken from a file."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Final, override

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QHBoxLayout,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from organtwin.core.case import Case
from organtwin.ui.checking import CheckTools
from organtwin.ui.deciding import doubt_of
from organtwin.ui.drawing_tools import DrawingTools, shortcuts
from organtwin.ui.finding import FindTools
from organtwin.ui.pages.page import Page
from organtwin.ui.pieces import button, card, words
from organtwin.ui.rail import State
from organtwin.ui.structure_list import StructureList
from organtwin.ui.tips import tooltip
from organtwin.ui.tool_options import worded
from organtwin.ui.trouble import Trouble, ask_to_replace
from organtwin.ui.workbench import Workbench

GROUPS: Final = (
    ("draw", "&Draw", "Paint, cut and smooth the structure in work"),
    ("find", "Fin&d", "Let a method find structures, by itself or from seeds"),
    ("check", "Chec&k", "Numbers of every structure, and how far each is"),
)

ALL: Final = "Run this method on every visit without labels"
ALL_LABELLED: Final = "Every visit has labels already: choose a visit and press Segment"


class SegmentPage(Page):
    """The list of structures, and one of three groups of tools below it."""

    name: ClassVar[str] = "segment"
    title: ClassVar[str] = "Segment"
    picture: ClassVar[str] = "segment"
    order: ClassVar[int] = 2
    lead: ClassVar[str] = "Draw or find the organ, its vessels and tumours."

    @classmethod
    def state(cls, case: Case) -> tuple[State, str]:
        """Labelled once every visit has labels; see `standing` for what was looked at."""
        if not case.visits:
            return "waiting", "import images first"
        count = sum(bool(visit.labels) for visit in case.visits)
        if count == len(case.visits):
            return "half", f"all {count} visits have labels"
        return "ready", f"{count} of {len(case.visits)} visits have labels"

    @override
    def standing(self) -> tuple[State, str]:
        """Done once every structure of every visit is done or reviewed."""
        state, why = self.state(self.session.case)
        if state != "half":
            return state, why
        visits = self.session.case.visits
        found = self.showing.reviewing.unreviewed(range(len(visits)))
        if found is None:
            return "half", f"{why}, looking which were reviewed"
        left = [f"day {visits[n].day:g}: {', '.join(names)}" for n, names in found.items() if names]
        if left:
            return "half", "labelled, not reviewed: " + "; ".join(left)
        return "done", "every structure is done or reviewed"

    @property
    def with_timeline(self) -> bool:
        """The slices need the room."""
        return False

    def build(self) -> None:
        """Make the controls."""
        self.bench = Workbench(self.showing, self)
        self.structures = StructureList(self.bench)
        self.drawing, self.finding = DrawingTools(self.bench), FindTools(self.bench)
        self.checking = CheckTools(self.bench)
        self._parts: dict[str, DrawingTools | FindTools | CheckTools] = {
            "draw": self.drawing,
            "find": self.finding,
            "check": self.checking,
        }
        self._which = words("", "section")
        self._doubt = words("", "warn", wrap=True)
        self.body.setSpacing(8)
        self.body.addWidget(self._which)
        self.body.addWidget(card(self._doubt, self.structures))
        self.body.addLayout(self._switches())
        self._card = card(*self._parts.values())
        self.body.addWidget(self._card)
        source = button("From a &file…", "Take structures from a DICOM SEG or RTSTRUCT file")
        source.clicked.connect(self._from_file)
        self._all = button("&All visits", ALL)
        self._all.clicked.connect(self._run_all)
        self._run = button("&Segment", "Run this method on the visit shown", primary=True)
        self._run.clicked.connect(self._run_one)
        self._source = source
        for thing in (source, self._all):
            self.actions_row.addWidget(thing)
        self.actions_row.addStretch(1)
        self.actions_row.addWidget(self._run)
        self.bench.said.connect(self.session.said)
        self._asked: tuple[str, dict[str, Any]] = "", {}
        self.session.done.connect(lambda step, _: self._done(step))
        self.session.failed.connect(self._failed)
        self.finding.changed.connect(lambda: self._busy_changed(self.session.busy))
        self.showing.visit_changed.connect(lambda _: self._another_visit())
        self._add_keys()
        visit = self.showing.shown_visit
        self.show_group("draw" if visit is not None and visit.labels else "find")

    def show_group(self, name: str) -> None:
        """Show one group of tools; the hand holds nothing of another."""
        self._group = name
        self.switches[name].setChecked(True)
        for each, part in self._parts.items():
            part.setVisible(each == name)
        for action in (self._source, self._all, self._run):
            action.setVisible(name == "find")
        if name != "find":
            self.finding.left()
        if name != "draw":
            self.drawing.left()
        self._parts[name].refresh()

    def entered(self) -> None:
        """Take the tool in hand again."""
        super().entered()
        if self._group == "draw":
            self.drawing.entered()

    def left(self) -> None:
        """Leave the hand free."""
        self.drawing.left()
        self.finding.left()

    def refresh(self) -> None:
        """List the structures of the visit shown."""
        visit = self.showing.shown_visit
        self._which.setText(f"STRUCTURES, DAY {visit.day:g}" if visit else "NO VISIT")
        doubt = doubt_of(visit, self.session.get(visit.volume).geometry) if visit else ""
        self._doubt.setText(doubt)
        self._doubt.setVisible(bool(doubt))
        self.structures.refresh()
        self._parts[self._group].refresh()
        self._busy_changed(self.session.busy)

    def may(self, action: QWidget) -> bool:
        """Nothing without a visit or on a held one; a seeded method needs seeds."""
        visit, kind = self.showing.shown_visit, self.finding.method.kind
        if visit is None or (action is self._run and visit.held):
            return False
        if action is self._source:
            return True
        if action is self._all and not self._unlabelled():
            return False
        if not kind or not self.finding.method.fits:
            return False
        seeds = bool(self.finding.seeding.given(self.finding.method.name))
        alone = kind == "automatic" or (kind == "corrected" and not seeds)
        return alone or (action is self._run and (kind != "seeded" or seeds))

    def _switches(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        self.switches: dict[str, QToolButton] = {}
        group = QButtonGroup(self)
        for name, text, tip in GROUPS:
            switch = worded(text.replace("&", ""), tip)
            switch.setProperty("tab", True)
            switch.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            switch.clicked.connect(partial(self.show_group, name))
            group.addButton(switch)
            self.switches[name] = switch
            row.addWidget(switch, 1)
        return row

    def _add_keys(self) -> None:
        """Let keys choose tools wherever the keyboard is in the window, while in front."""
        for key, name in (*shortcuts(), ("G", "scribble")):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.activated.connect(partial(self._take, name))

    def _take(self, name: str) -> None:
        if name == "scribble":
            self.show_group("find")
            self.finding.scribble()
        else:
            self.show_group("draw")
            self.drawing.choose(name)

    def _another_visit(self) -> None:
        self.finding.preview.end()
        self._case_changed()

    def _run_one(self) -> None:
        self._do(*self.finding.step(self.showing.visit))

    def _do(self, step: str, arguments: dict[str, Any]) -> None:
        self._asked = step, arguments
        self.session.do(step, arguments)

    def _failed(self, trouble: Trouble) -> None:
        """Ask whether to replace what somebody drew or reviewed, where a step would have to."""
        if trouble.question and trouble.step == self._asked[0]:
            step, arguments = self._asked
            told = trouble.worded(self.session.case.visits)
            ask_to_replace(told, self, lambda: self._do(step, {**arguments, "replace": True}))

    def _done(self, step: str) -> None:
        """Let the tools follow; seeds stay until they are taken away."""
        self.finding.stepped(step, self.session.entries[-1])

    def _unlabelled(self) -> list[int]:
        """Return the visits without labels, and say on the button when there are none."""
        visits = [n for n, visit in enumerate(self.session.case.visits) if not visit.labels]
        self._all.setToolTip(tooltip(ALL if visits else ALL_LABELLED))
        return visits

    def _run_all(self) -> None:
        visits = self._unlabelled()
        if visits:
            self.session.do_all([self.finding.step(visit) for visit in visits])

    def _from_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "A DICOM SEG or RTSTRUCT file", "", "DICOM (*.dcm *);;All files (*)"
        )
        if chosen:
            self._do("label", {"path": chosen, "visit": self.showing.visit})


PAGE = SegmentPage
