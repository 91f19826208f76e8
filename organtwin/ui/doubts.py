"""Doubts: what is to be looked at of the structures of the visit shown, in amber."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QVBoxLayout, QWidget

from organtwin.ui.pieces import words
from organtwin.ui.review_journal import ReviewJournal
from organtwin.ui.structure_row import StructureRow
from organtwin.ui.tips import tooltip
from organtwin.ui.workbench import Workbench

MOST_LINES: Final = 4


class Doubts(QWidget):
    """Lines below the list and a sign in each row meant: remarks of methods, ended reviews."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self._journal = ReviewJournal(bench.session)
        self._places: dict[str, tuple[float, ...]] = {}
        self._told = words("", "warn", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._told)

    def follow(self, rows: Mapping[str, StructureRow]) -> None:
        """Tell what is to be looked at in the visit shown."""
        said = self._found(rows) if self._bench.showing.shown_visit is not None else {}
        for name, row in rows.items():
            row.show_doubts(said.get(name, []))
        lines = [f"{name} {one}".strip() for name in ("", *rows) for one in said.get(name, [])]
        more = len(lines) - MOST_LINES
        self._told.setText("\n".join(lines[:MOST_LINES]) + f"\n… and {more} more" * (more > 0))
        self._told.setToolTip(tooltip("\n".join(lines)))
        self.setVisible(bool(lines))

    def place_mm(self, name: str) -> NDArray[np.float64] | None:
        """Return (3,) LPS mm where to look first at a structure, None where nothing says so."""
        return np.array(self._places[name]) if name in self._places else None

    def _found(self, rows: Mapping[str, StructureRow]) -> dict[str, list[str]]:
        visit = self._bench.showing.visit
        looks = self._journal.looks(visit, rows)
        said = {name: [one.said for one in found] for name, found in looks.items()}
        first = {n: next((x.place_mm for x in f if x.place_mm), None) for n, f in looks.items()}
        self._places = {name: place for name, place in first.items() if place is not None}
        for name, work in self._journal.ended_reviews(visit).items():
            by = f" by {work.who}" if work.who else ""
            said.setdefault(name, []).append(f"is no longer {work.state}{by}: it changed since")
        return said
