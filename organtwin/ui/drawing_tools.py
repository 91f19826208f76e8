"""DrawingTools: the palette of tools, the options of the one chosen, and its step."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker, QSize, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QGridLayout,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin.editing import Edit, edits
from organtwin.ui.forms import Form
from organtwin.ui.painting import Brush, InHand, Pointing, range_at
from organtwin.ui.pieces import button, words
from organtwin.ui.scissors import Scissors
from organtwin.ui.tool_options import BrushOptions, LimitOptions, worded
from organtwin.ui.trouble import Trouble
from organtwin.ui.workbench import Workbench

LOOK: Final = "look"
COLUMNS: Final = 6
TOOLS: Final = (
    (LOOK, "Look", "N", "Left drag moves the crosshair again"),
    ("paint", "Paint", "P", "Paint the structure in work; Ctrl erases"),
    ("erase", "Erase", "W", "Take voxels from the structure in work; Ctrl paints"),
    ("scissors", "Cut", "C", "Cut: draw around it, in a slice or in 3D"),
    ("islands", "Islands", "", "Keep, remove or split separate pieces"),
    ("fill-holes", "Holes", "", "Fill what the structure encloses"),
    ("smooth", "Smooth", "", "Smooth the structure over a distance in mm"),
    ("grow", "Grow", "", "Grow the structure by mm, or shrink it"),
    ("boolean", "Join", "", "Join with, subtract or intersect another structure"),
    ("mask", "Mask", "", "Keep only what lies inside or outside another structure"),
    ("threshold", "Range", "", "Everything in a range of values"),
)
LIMITED: Final = ("paint", "erase", "threshold")
"""Tools that always show what limits them; the others when asked to."""
USUAL_MM: Final = 2.0
"""What a distance without a default begins with: about a voxel or two."""
CLICKED: Final = ("clicked", "unclicked")
WORDS: Final = {
    "keep": "Keep", "how": "How", "along": "Holes in", "do": "Do", "where": "Where",
    "volume": "Volume", "largest": "the largest piece", "larger": "pieces of at least",
    "clicked": "the piece clicked", "unclicked": "all but the piece clicked",
    "split": "all, each its own structure", "space": "space", "i": "slices along i",
    "j": "slices along j", "k": "slices along k", "joint": "all structures together",
    "kept": "stays", "free": "is free", "inside": "inside", "outside": "outside",
}  # fmt: skip


class DrawingTools(QWidget):
    """Which tool is in hand, and how.

    Signals:
        chosen: name of a tool, "look" for none.
    """

    chosen = Signal(str)

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        self.tool = LOOK
        self.brush = BrushOptions()
        self.limits = LimitOptions(bench.showing.viewing)
        self.one_slice = QCheckBox("This slice only")
        self.one_slice.setToolTip("Off: the cut goes through all slices along the view")
        self.one_slice.setChecked(True)
        self.forms: dict[str, Form] = {}
        self.hands = self._make_hands()
        self._other = ""
        self._title = words("", "heading", wrap=True)
        self.limited = QCheckBox("Limit where it works")
        self.limited.setToolTip("Over which structures, inside which, and at which values")
        self._how = words("", "muted", wrap=True)
        self._room = QVBoxLayout()
        self._room.setContentsMargins(0, 0, 0, 0)
        self.apply = button("&Apply", "Do this to the structure in work", primary=True)
        self.apply.clicked.connect(self._apply)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._palette())
        for thing in (self._title, self.brush, self.one_slice):
            column.addWidget(thing)
        column.addLayout(self._room)
        for each in (self.limited, self.limits, self._how, self.apply):
            column.addWidget(each)
        self._connect()
        self.choose(LOOK)

    def choose(self, name: str) -> None:
        """Take a tool in hand, or show what it asks."""
        self.tool = name
        visit = self.bench.showing.shown_visit
        if name != LOOK and visit is not None and visit.labels and not self.bench.session.busy:
            self.bench.showing.easel.put(visit.labels)
        self.buttons[name].setChecked(True)
        if name in edits() and name not in ("paint", "erase"):
            self._form(name)
        for other, each in self.forms.items():
            each.setVisible(other == name)
        brushes = name in ("paint", "erase")
        self._title.setText(edits()[name].title if name != LOOK else "")
        self._title.setVisible(name != LOOK)
        self.brush.setVisible(brushes)
        self.one_slice.setVisible(name == "scissors")
        self.limited.setVisible(name not in (LOOK, *LIMITED))
        self.refresh()
        self.chosen.emit(name)

    def refresh(self) -> None:
        """Follow the structures there are and the one in work."""
        names, active = [s.name for s in self.bench.structures], self.bench.active
        within = next((s.within for s in self.bench.structures if s.name == active), "")
        self.limits.show_structures(names, active, within)
        for name, form in self.forms.items():
            if edits()[name].form.other:
                self._offer_others(form, [n for n in names if n != active])
        self.limits.setVisible(self._has_limits())
        by_click = self._by_click()
        drawn = self.tool in ("paint", "erase", "scissors") or by_click
        self.apply.setVisible(self.tool != LOOK and not drawn)
        self.apply.setEnabled(bool(active) and not self.bench.session.busy)
        self._how.setText(self._said(active))
        self._how.setVisible(bool(self._how.text()))
        self._take_in_hand()

    def entered(self) -> None:
        """Take the tool in hand again."""
        self._take_in_hand()

    def left(self) -> None:
        """Leave the hand free."""
        self.bench.showing.viewing.take_in_hand(None)

    # -- how it is made -------------------------------------------------------------------------

    def _palette(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        self.buttons: dict[str, QToolButton] = {}
        group = QButtonGroup(self)
        for number, (name, text, key, tip) in enumerate(TOOLS):
            made = worded(text, f"{tip} ({key})" if key else tip, name)
            made.setIconSize(QSize(18, 18))
            made.setProperty("tile", True)
            made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            made.clicked.connect(partial(self.choose, name))
            group.addButton(made)
            self.buttons[name] = made
            grid.addWidget(made, *divmod(number, COLUMNS))
        return grid

    def _make_hands(self) -> dict[str, InHand]:
        bench = self.bench
        self.scissors = Scissors(bench, lambda: self._asked("scissors"))
        self.brushes = [Brush(bench, name, self.limits.arguments) for name in ("paint", "erase")]
        hands: dict[str, InHand] = dict(zip(("paint", "erase"), self.brushes, strict=True))
        hands |= {"scissors": self.scissors, "islands": Pointing(bench, self._clicked)}
        self._spot = Pointing(bench, self._take_spot)
        return hands

    def _connect(self) -> None:
        for hand in (*self.hands.values(), self._spot):
            hand.put_down.connect(partial(self.choose, LOOK))
            hand.spot.connect(self._take_spot)
        for brush in self.brushes:
            brush.resized.connect(self._sized)
            self.brush.sized.connect(brush.set_radius)
            self.brush.shaped.connect(partial(setattr, brush, "shape"))
        self.brush.show_size(self.brushes[0].radius_mm)
        self.one_slice.toggled.connect(self.scissors.set_depth)
        self.limited.toggled.connect(lambda _: self.refresh())
        self.limits.spot_asked.connect(lambda _: self._take_in_hand())
        self.bench.chosen.connect(lambda _: self.refresh())
        self.bench.session.busy_changed.connect(lambda _: self.refresh())
        self.bench.session.failed.connect(self._tell)

    def _form(self, name: str) -> Form:
        """Return the fields of a tool, made when first asked for."""
        if name not in self.forms:
            made = _form_of(edits()[name])
            self.forms[name] = made
            self._room.addWidget(made)
            made.changed.connect(self.refresh)
        form = self.forms[name]
        return form

    def _offer_others(self, form: Form, names: list[str]) -> None:
        box: Any = form.fields["other"]
        if [box.itemData(n) for n in range(box.count())] != names:
            chosen, blocked = box.currentData(), QSignalBlocker(box)
            box.clear()
            for name in names:
                box.addItem(name, name)
            box.setCurrentIndex(max(box.findData(chosen), 0))
            blocked.unblock()

    # -- what is done ---------------------------------------------------------------------------

    def _by_click(self) -> bool:
        return self.tool == "islands" and self.forms["islands"].values()["keep"] in CLICKED

    def _take_in_hand(self) -> None:
        hand: InHand | None = self.hands.get(self.tool)
        if self.tool == "islands" and not self._by_click():
            hand = None
        if self.limits.spot.isChecked() and self.tool != LOOK:
            hand = self._spot
        viewing = self.bench.showing.viewing
        if viewing.hand is not hand and self.isVisible():
            viewing.take_in_hand(hand)

    def _said(self, active: str) -> str:
        if self.tool == LOOK:
            return "Choose a tool. Painted, cut or undone: each gesture is kept at once."
        if not active:
            return "Add a structure first."
        if self.tool in ("paint", "erase"):
            other = "erases" if self.tool == "paint" else "paints"
            return f"Drag in a slice to {self.tool} {active}. Ctrl {other}."
        if self.tool == "scissors":
            return f"Draw around what to cut of {active}. In 3D, Ctrl + drag turns."
        return f"Click a piece of {active} in a slice." if self._by_click() else ""

    def _tell(self, trouble: Trouble) -> None:
        if trouble.slight:
            self._how.setText(f"{trouble.what}: {trouble.advice}")
            self._how.show()

    def _sized(self, radius_mm: float) -> None:
        self.brush.show_size(radius_mm)
        for brush in self.brushes:
            brush.set_radius(radius_mm)

    def _take_spot(self, place_mm: NDArray[np.float64]) -> None:
        volume = self.bench.volume
        found = range_at(volume, place_mm, self.brushes[0].radius_mm) if volume else None
        if found is None:
            self.bench.said.emit("There is no image at that place")
        else:
            self.limits.take_range(*found)

    def _asked(self, name: str) -> dict[str, Any]:
        """Return what a tool with a form is asked, without what is drawn for it."""
        fields = self.forms[name].values() if name in self.forms else {}
        return {**fields, **(self.limits.arguments() if self._has_limits() else {})}

    def _has_limits(self) -> bool:
        asked_for = self.tool != LOOK and self.limited.isChecked()
        return self.tool in LIMITED or asked_for

    def _clicked(self, place_mm: NDArray[np.float64]) -> None:
        if self.bench.active and not self.bench.session.busy:
            self._do({"points": [place_mm.tolist()]})

    def _apply(self) -> None:
        if self.tool == "threshold" and not self.limits.ranged.isChecked():
            self.limits.ranged.setChecked(True)
            self.bench.said.emit("Choose the range of values, then apply")
            return
        self._do({})

    def _do(self, drawn: dict[str, Any]) -> None:
        asked = {"structure": self.bench.active, **self._asked(self.tool), **drawn}
        visit = self.bench.showing.shown_visit
        if visit is None or not visit.labels:
            self.bench.said.emit("Add a structure first")
            return
        if not self.bench.session.busy:
            self.bench.showing.easel.put(visit.labels)
        gesture = {"visit": self.bench.showing.visit, "tool": self.tool, "arguments": asked}
        self.bench.session.do("edit", gesture)


def _form_of(one: Edit) -> Form:
    """Return the fields that a tool asks for; a place or outline is drawn, not typed."""
    form = Form([])
    for name, may in one.form.choices.items():
        texts = [(value, _capital(WORDS.get(value, value))) for value in may]
        form.add_choice(name, WORDS.get(name, name.capitalize()), texts)
    if one.form.other:
        form.add_choice("other", "Other", [])
    for setting in one.settings:
        if setting.name != "depth_mm":
            form.add_parameter(setting)
    form.set_values({p.name: USUAL_MM for p in one.settings if p.default is None})
    form.setVisible(False)
    return form


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def shortcuts() -> tuple[tuple[str, str], ...]:
    """Return (key, tool) of what can be chosen from the keyboard in the pictures."""
    return tuple((key, name) for name, _, key, _ in TOOLS if key)
