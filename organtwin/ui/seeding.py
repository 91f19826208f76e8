"""Seeds set by hand: points, scribbles and longest diameters, drawn in slices."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, Signal
from PySide6.QtGui import QPainter

from organtwin.core.journal import JournalEntry
from organtwin.ui.painting import InHand
from organtwin.ui.seed_journal import Seed, key_of, last_entry, seeds_in, visit_of
from organtwin.ui.viewing import Mark
from organtwin.ui.views.brush import Scribble, draw_line, shade_of
from organtwin.ui.views.drags import CLICK_PX, Drag
from organtwin.ui.views.slice_view import SliceView
from organtwin.ui.workbench import Workbench

BACKGROUND: Final = "background"
APART_PX: Final = 4.0
ONE_BY_ONE: Final = frozenset({"tumour-click"})
"""Methods that find each tumour by its own seeds; to all others every seed says something."""
VEINS: Final = ("portal-vein", "hepatic-vein")
TAKEN: Final = {"vessels": VEINS}
"""Method → structures that its seeds may be in, where not any."""


class Seeding(QObject):
    """The seeds of each visit, in the order they were set; those of the visit shown are drawn.

    They stay until they are taken away. `spent` are those that a step was given and led to labels;
    where somebody has drawn on, or finished, such a structure since, they are left out.

    Signals:
        changed: there are other seeds, or other ones are spent.
    """

    changed = Signal()

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._bench = bench
        self.structure = BACKGROUND
        self._case = Path()
        self._kept: dict[str, tuple[Seed, ...]] = {}
        self._spent: dict[str, frozenset[Seed]] = {}
        self._key = ""
        self._drawn = False
        bench.showing.visit_changed.connect(lambda _: self._show(""))
        bench.showing.visit_shown.connect(self.follow)
        self.follow()

    @property
    def seeds(self) -> tuple[Seed, ...]:
        """Those of the visit shown."""
        return self._kept.get(self._key, ())

    @property
    def spent(self) -> frozenset[Seed]:
        """Those of them that led to labels."""
        return self._spent.get(self._key, frozenset()) & {*self.seeds}

    def follow(self) -> None:
        """Show the seeds of the visit shown; those of another case are gone."""
        session, visit = self._bench.session, self._bench.showing.shown_visit
        case = session.folder.path if session.is_open else Path()
        if case != self._case:
            self._case, self._kept, self._spent = case, {}, {}
        self._show(key_of(visit) if visit is not None else "")

    def draw(self, on: bool) -> None:
        """Draw the seeds in the pictures, or leave those free of them."""
        self._drawn = on
        self._show_marks()

    def add(self, points_mm: list[NDArray[np.float64]], *, structure: str, longest: bool) -> None:
        """Add what was drawn: a click is a point, a line a scribble or a longest diameter."""
        points = [_point(place) for place in points_mm]
        if len(set(points)) < 2:
            self._set((*self.seeds, Mark(points[0], structure)))
            return
        line = Scribble(tuple(points), structure, longest)
        kept = [
            s
            for s in self.seeds
            if not (longest and isinstance(s, Scribble) and s.longest and s.structure == structure)
        ]
        self._set((*kept, line))

    def remove(self, number: int) -> None:
        """Take away the seed of that place in the list, from 0."""
        self._set(self.seeds[:number] + self.seeds[number + 1 :])

    def clear(self) -> None:
        """Take all of the visit shown away."""
        self._set(())

    # -- what the journal knows -----------------------------------------------------------------

    def stepped(self, step: str, entry: JournalEntry) -> None:
        """Follow an entry: what a step was given is spent, and as new again once that is undone."""
        session = self._bench.session
        number = entry.done.arguments.get("entry", 0)
        told = session.entries[number - 1] if step in ("undo", "redo") and number else entry
        visit = visit_of(session, told)
        given = seeds_in(session, told)
        if visit is None or not given:
            return
        key = key_of(visit)
        spent = self._spent.get(key, frozenset())
        self._spent[key] = spent - {*given} if step == "undo" else spent | {*given}
        if step == "undo" and not self._kept.get(key):
            self._kept[key] = given
        self._show(self._key, again=True)

    @property
    def last(self) -> JournalEntry | None:
        """The entry of the last step on the visit shown that was given seeds."""
        visit = self._bench.showing.shown_visit
        return last_entry(self._bench.session, visit) if visit is not None else None

    def take_last(self) -> None:
        """Add the seeds of last time to those there are, as new ones."""
        entry = self.last
        if entry is not None:
            given = seeds_in(self._bench.session, entry)
            self._spent[self._key] = self.spent - {*given}
            self._set((*self.seeds, *(seed for seed in given if seed not in self.seeds)))

    # -- what a method is given -----------------------------------------------------------------

    def left_out(self) -> tuple[str, ...]:
        """Return the structures whose seeds are left out: drawn on or finished since, none new."""
        new = {seed.structure for seed in self.seeds if seed not in self.spent}
        old = dict.fromkeys(seed.structure for seed in self.spent)
        states = {name: self._bench.work_on(name).state for name in old if name not in new}
        return tuple(n for n, state in states.items() if state not in ("not started", "carried"))

    def given(self, method: str) -> tuple[Seed, ...]:
        """Return the seeds that a method is to be given."""
        left_out = self.left_out()
        given = tuple(seed for seed in self.seeds if seed.structure not in left_out)
        if method in TAKEN:
            return tuple(seed for seed in given if seed.structure in TAKEN[method])
        if all(seed.structure == BACKGROUND for seed in given):
            return ()
        if method not in ONE_BY_ONE:
            return given
        tumours = tuple(seed for seed in given if seed.structure.startswith("tumour"))
        new = {seed.structure for seed in tumours if seed not in self.spent}
        return tuple(seed for seed in tumours if not new or seed.structure in new)

    def arguments(self, method: str, diameter_mm: float) -> dict[str, Any]:
        """Return the seeds for a method as the step "segment" takes them.

        Args:
            diameter_mm: the largest diameter of tumours that have none drawn, 0 where none is said.
        """
        return _as_asked(self.given(method), diameter_mm)

    def told(self) -> list[str]:
        """Return one line for each seed."""
        left_out = self.left_out()
        return [_said(s) + ", left out" * (s.structure in left_out) for s in self.seeds]

    def place_mm(self, number: int) -> NDArray[np.float64]:
        """Return (3,) LPS mm: where a seed begins."""
        seed = self.seeds[number]
        return np.array(seed.position_mm if isinstance(seed, Mark) else seed.points_mm[0])

    def _set(self, seeds: tuple[Seed, ...]) -> None:
        self._kept[self._key] = seeds
        self._show(self._key, again=True)

    def _show(self, key: str, *, again: bool = False) -> None:
        if key == self._key and not again:
            return
        self._key = key
        self._show_marks()
        self.changed.emit()

    def _show_marks(self) -> None:
        seeds = self.seeds if self._drawn else ()
        marks = tuple(s for s in seeds if isinstance(s, Mark))
        lines = tuple(s for s in seeds if isinstance(s, Scribble))
        viewing = self._bench.showing.viewing
        if (marks, lines) != (viewing.marks, viewing.scribbles):
            viewing.set_marks(marks, lines)


def _as_asked(seeds: Iterable[Seed], diameter_mm: float) -> dict[str, Any]:
    points: dict[str, list[list[float]]] = {}
    lines: dict[str, list[list[list[float]]]] = {}
    longest: dict[str, list[list[float]]] = {}
    for seed in seeds:
        if isinstance(seed, Mark):
            points.setdefault(seed.structure, []).append(list(seed.position_mm))
        elif seed.longest:
            longest[seed.structure] = [list(seed.points_mm[0]), list(seed.points_mm[-1])]
        else:
            lines.setdefault(seed.structure, []).append([list(p) for p in seed.points_mm])
    sized = [n for n in points if n.startswith("tumour") and n not in longest]
    return {
        "points": points,
        "scribbles": lines,
        "diameters": longest,
        "diameters_mm": dict.fromkeys(sized, diameter_mm) if diameter_mm > 0.0 else {},
    }


class Scribbler(InHand):
    """Draws seeds: a click is a point, a drag a line; with Ctrl what is drawn is background."""

    def __init__(self, bench: Workbench, seeding: Seeding, *, longest: bool = False) -> None:
        super().__init__(bench)
        self._seeding, self._longest = seeding, longest
        self._line: list[NDArray[np.float64]] = []
        self._view: SliceView | None = None
        self._structure = ""

    def begun(self, view: SliceView, point: QPointF, *, other: bool) -> Drag | None:
        """Begin a seed inside the image."""
        place = view.to_mm(point)
        if view.viewing.value_at(place) is None:
            return None
        self._structure = BACKGROUND if other else self._seeding.structure
        self._line, self._view = [place], view
        return _Line(self, view, point)

    def overlay(self, painter: QPainter, view: SliceView) -> None:
        """Draw the line so far."""
        if view is self._view and len(self._line) > 1:
            draw_line(painter, view, np.array(self._line), shade=shade_of(view, self._structure))

    def add(self, place_mm: NDArray[np.float64]) -> None:
        """Go on to a place; what lies off the image is left out."""
        if self._view is not None and self._view.viewing.value_at(place_mm) is not None:
            self._line = [self._line[0], place_mm] if self._longest else [*self._line, place_mm]

    def finish(self, *, dragged: bool) -> None:
        """Keep the seed."""
        line, self._line, self._view = self._line, [], None
        points = line if dragged else line[:1]
        self._seeding.add(points, structure=self._structure, longest=self._longest)


class _Line:
    """A seed on its way."""

    def __init__(self, hand: Scribbler, view: SliceView, start: QPointF) -> None:
        self._hand, self._view, self._start, self._last = hand, view, start, start

    def move(self, to: QPointF) -> None:
        """Draw on."""
        if (to - self._last).manhattanLength() >= APART_PX:
            self._last = to
            self._hand.add(self._view.to_mm(to))

    def end(self, to: QPointF) -> None:
        """Keep it."""
        self._hand.finish(dragged=(to - self._start).manhattanLength() > CLICK_PX)


def _point(place: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in place)
    return x, y, z


def _said(seed: Seed) -> str:
    if isinstance(seed, Mark):
        return f"{seed.structure}: point"
    length = float(np.linalg.norm(np.diff(np.array(seed.points_mm), axis=0), axis=1).sum())
    return f"{seed.structure}: {'diameter' if seed.longest else 'line'}, {length:.0f} mm"
