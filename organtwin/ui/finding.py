"""FindTools: a method, its settings, the seeds it starts from, and a preview of what it finds."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, override

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QListWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin.core.journal import JournalEntry
from organtwin.ui.forms import NumberField
from organtwin.ui.method_choice import CARRY, TAKING_SEEDS, MethodChoice
from organtwin.ui.pieces import button, side_by_side, tool, words
from organtwin.ui.previewing import Preview
from organtwin.ui.seed_name import SeedName
from organtwin.ui.seeding import BACKGROUND, VEINS, Scribbler, Seeding
from organtwin.ui.tool_options import worded
from organtwin.ui.workbench import Workbench

SHOWN_SEEDS: Final = 4
SOON_MS: Final = 120
GROWN: Final = "grow-from-seeds"
PREVIEWED: Final = frozenset({GROWN})
"""Methods that are quick enough to look at after each scribble unless somebody says no."""
NO_SEEDS: Final = "No seeds yet: choose Scribble and draw in a slice."
NO_CORRECTIONS: Final = (
    "No clicks yet: look first, then Scribble and click on a branch that is wrong."
)


class FindTools(QWidget):
    """What a method is asked.

    Signals:
        changed: method, settings or seeds are others.
    """

    changed = Signal()

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        self.seeding = Seeding(bench)
        self.preview = Preview(bench.showing, self)
        self.method = MethodChoice(bench)
        self._followed = ""
        self._done: tuple[object, ...] = ()
        self.structure = SeedName()
        self.diameter = NumberField("Largest diameter", "mm", 0.0, 300.0)
        self.diameter.setSpecialValueText("diameter?")
        self.diameter.setDecimals(1)
        self.diameter.setSingleStep(1.0)
        self.diameter.setValue(0.0)
        self.diameter.setToolTip(
            "Needed for a tumour without a diameter drawn (mm); bounds its growth"
        )
        self._seeds = self._seed_card()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        method = self.method
        for thing in (method.list, method.refused, method.about, self._seeds, method.settings):
            column.addWidget(thing)
        self._soon = QTimer(self, singleShot=True, interval=SOON_MS)
        self._soon.timeout.connect(self._look)
        self.method.changed.connect(self._method_changed)
        self.method.set_up.connect(self._look_soon)
        self.structure.named.connect(self._structure_changed)
        self.structure.refused.connect(self._tell)
        self.seeding.changed.connect(self._list_seeds)
        self.preview.told.connect(self._tell)
        bench.chosen.connect(self._follow_choice)

    # -- what it says ---------------------------------------------------------------------------

    def step(self, visit: int) -> tuple[str, dict[str, Any]]:
        """Return the step to run on a visit, and its arguments."""
        method = self.method
        if method.kind == "carried" and method.chosen is not None:
            labelled = bool(self.bench.session.case.visits[visit].labels)
            asked = {"visit": visit, "start": method.chosen["start"]}
            return CARRY, {**asked, "replace": True} if labelled else asked
        asked = {"visit": visit, "method": method.name}
        settings = method.values()
        if settings:
            asked["settings"] = settings
        if method.kind in TAKING_SEEDS:
            given = self.seeding.arguments(method.name, self.diameter.value())
            asked |= {name: value for name, value in given.items() if value}
        return "segment", asked

    def refresh(self) -> None:
        """Follow the structures of the visit shown."""
        self._fill_structures()
        self.method.refresh()
        self._list_seeds()
        self._method_changed()

    def stepped(self, step: str, entry: JournalEntry) -> None:
        """Follow what was done: what a preview showed is kept now, or is no longer."""
        self.seeding.stepped(step, entry)
        if step == "segment":
            self._done = self._how()
            self.left()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        """Draw the seeds while they can be worked on."""
        super().showEvent(event)
        self.seeding.draw(True)

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        """Leave the pictures of other tools and pages free of seeds."""
        super().hideEvent(event)
        self.seeding.draw(False)

    def entered(self) -> None:
        """Take the scribble in hand again where it was."""
        self._take_in_hand()

    def left(self) -> None:
        """Put down what is in hand, and the preview."""
        self.free_hand()
        self.preview.end()

    def scribble(self) -> None:
        """Take the scribble in hand, with a method that starts from it."""
        if self.method.kind not in TAKING_SEEDS:
            self.method.choose(GROWN)
        self.line.setChecked(True)
        self._chosen(self.line)

    def free_hand(self) -> None:
        """Draw no more seeds."""
        for each in self.hands:
            each.setChecked(False)
        self._take_in_hand()

    # -- how it is made -------------------------------------------------------------------------

    def _seed_card(self) -> QWidget:
        box = QWidget()
        self.line = worded("Scribble", "Click: a point. Drag: a line (G)", "scribble")
        self.longest = worded("Diameter", "Drag over the longest diameter", "ruler")
        self._group = QButtonGroup(self)
        self._group.setExclusive(False)
        scribbler = Scribbler(self.bench, self.seeding)
        measurer = Scribbler(self.bench, self.seeding, longest=True)
        self.hands: dict[QToolButton, Scribbler] = {self.line: scribbler, self.longest: measurer}
        for each, hand in self.hands.items():
            each.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            each.setIconSize(QSize(16, 16))
            each.clicked.connect(partial(self._chosen, each))
            hand.put_down.connect(self.free_hand)
        self.list = QListWidget()
        self.list.setAccessibleName("Seeds")
        self.list.setToolTip("Click: go there. Delete: take it away")
        self.list.itemClicked.connect(lambda _: self._go())
        remove = QShortcut(QKeySequence("Delete"), self.list)
        remove.setContext(Qt.ShortcutContext.WidgetShortcut)
        remove.activated.connect(self._remove)
        self._minus = tool("minus", "Remove seed", "Take the seed chosen, or the last one, away")
        self._minus.clicked.connect(self._remove)
        self._clear = button("Clear", "Take all seeds of this visit away; until then they stay")
        self._clear.clicked.connect(self.seeding.clear)
        self._again = button("Seeds of last time", "Bring back the seeds of the last Segment here")
        self._again.clicked.connect(self._bring_last)
        self.live = QCheckBox("Preview")
        self.live.setToolTip("Show what the method makes of the seeds after each of them")
        self.live.toggled.connect(lambda _: self._look_soon())
        self._told = words("", "muted", wrap=True)
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(side_by_side(words("Seed in"), self.structure, stretch=1))
        column.addLayout(side_by_side(self.line, self.longest, self.diameter))
        column.addWidget(self.list)
        column.addLayout(side_by_side(self.live, QWidget(), self._minus, self._clear, stretch=1))
        column.addWidget(self._again)
        column.addWidget(self._told)
        self._list_seeds()
        return box

    def _method_changed(self) -> None:
        kind = self.method.kind
        self._seeds.setVisible(kind in TAKING_SEEDS)
        self.longest.setVisible(kind != "corrected")
        if kind == "corrected" and self.longest.isChecked():
            self.free_hand()
        if kind not in TAKING_SEEDS and self._followed:
            self.free_hand()
        if any(each.isChecked() for each in self.hands) and kind and kind not in TAKING_SEEDS:
            self.method.choose(GROWN)
            return
        if self.method.name != self._followed:
            self._followed = self.method.name
            self.live.setChecked(self._followed in PREVIEWED)
            if kind == "corrected" and self.structure.currentText() not in VEINS:
                self._follow_choice(VEINS[0])
            self._tell_none()
        self._look_soon()
        self.changed.emit()

    def _fill_structures(self) -> None:
        more = self.bench.names_to_add()
        seeded = (seed.structure for seed in self.seeding.seeds if seed.structure != BACKGROUND)
        self.structure.offer([*(s.name for s in self.bench.structures), *more, *seeded], more[-1])

    # -- what happens ---------------------------------------------------------------------------

    def _structure_changed(self, name: str) -> None:
        self.seeding.structure = name
        self.diameter.setVisible(name.startswith("tumour"))

    def _follow_choice(self, name: str) -> None:
        if name and self.structure.findText(name) >= 0:
            self.structure.setCurrentText(name)

    def _chosen(self, which: QToolButton) -> None:
        for each in self.hands:
            each.setChecked(each is which and which.isChecked())
        self._take_in_hand()

    def _take_in_hand(self) -> None:
        hand = next((h for each, h in self.hands.items() if each.isChecked()), None)
        viewing = self.bench.showing.viewing
        if viewing.hand is not hand and (hand is not None or viewing.hand in self.hands.values()):
            viewing.take_in_hand(hand)

    def _list_seeds(self) -> None:
        told = self.seeding.told()
        self.list.clear()
        self.list.addItems(told)
        self.list.scrollToBottom()
        rows = min(max(len(told), 1), SHOWN_SEEDS)
        self.list.setFixedHeight(rows * 25 + 12)
        self.list.setVisible(bool(told))
        for each in (self._minus, self._clear):
            each.setEnabled(bool(told))
        self._again.setVisible(not told and self.seeding.last is not None)
        if left_out := self.seeding.left_out():
            names = ", ".join(left_out)
            self._tell(f"{names}: drawn on or finished since, so left as it is until a new seed.")
        elif not told:
            self._tell_none()
        elif self._told.text() in (NO_SEEDS, NO_CORRECTIONS):
            self._tell("")
        self._look_soon()
        self.changed.emit()

    def _tell_none(self) -> None:
        if not self.seeding.seeds:
            self._tell(NO_CORRECTIONS if self.method.kind == "corrected" else NO_SEEDS)

    def _tell(self, text: str) -> None:
        self._told.setText(text)

    def _go(self) -> None:
        self.bench.showing.viewing.move_to(self.seeding.place_mm(self.list.currentRow()))

    def _remove(self) -> None:
        row = self.list.currentRow()
        self.seeding.remove(row if row >= 0 else self.list.count() - 1)

    def _bring_last(self) -> None:
        """Bring back the seeds of last time, and the diameter typed with them."""
        entry = self.seeding.last
        sizes = entry.done.arguments.get("diameters_mm") if entry is not None else None
        if sizes and not self.diameter.value():
            self.diameter.setValue(max(sizes.values()))
        self.seeding.take_last()

    def _look_soon(self) -> None:
        if hasattr(self, "_soon"):
            self._soon.start()

    def _look(self) -> None:
        wanted = self.live.isChecked() and self.method.kind in TAKING_SEEDS and self.isVisible()
        if not wanted or self.bench.session.busy:
            if self.preview.shown:
                self.preview.end()
            return
        method = self.method.name
        given = self.seeding.given(method)
        if given and self._done == self._how() and self.seeding.spent.issuperset(given):
            if self.preview.shown:  # nothing is asked that is not done
                self.preview.end()
        elif given:
            seeds = self.seeding.arguments(method, self.diameter.value())
            self.preview.ask(method, self.method.values(), seeds)
        else:
            self.preview.prepare(method, self.method.values())

    def _how(self) -> tuple[object, ...]:
        """Return how seeds are to be taken: the method, its settings and the diameter."""
        return self.method.name, self.method.values(), self.diameter.value()
