"""CheckTools: how far the structures are, and the way to their numbers."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from organtwin.ui.pieces import button, words
from organtwin.ui.workbench import Workbench


class CheckTools(QWidget):
    """What is left to do of the visit shown, a review, and the quantities."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        self._left = words("", wrap=True)
        self._review = button("&Reviewed by me", "Say that you reviewed the structure in work")
        self._review.clicked.connect(lambda: bench.mark(bench.active, "reviewed"))
        self._measure = button(
            "&Quantities", "Volumes by voxels and by surface, diameters, values (Q)",
            picture="quantities",
        )  # fmt: skip
        self._measure.clicked.connect(bench.showing.quantities_asked)
        how = (
            "Quantities measures each structure twice, by voxels and by surface, and flags "
            "volumes that differ by more than 1 %. There too labels are compared."
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for thing in (self._left, self._review, words(how, "muted", wrap=True), self._measure):
            column.addWidget(thing)
        bench.chosen.connect(lambda _: self.refresh())

    def refresh(self) -> None:
        """Follow the case."""
        names = [s.name for s in self.bench.structures]
        open_ones = [
            n for n in names if self.bench.work_on(n).state in ("not started", "in progress")
        ]
        if not names:
            said = "No structures yet."
        elif open_ones:
            said = f"Not done: {', '.join(open_ones)}."
        else:
            said = "Every structure is done or reviewed."
        self._left.setText(said)
        active = self.bench.active
        self._review.setEnabled(bool(active))
        self._review.setText(f"&Reviewed by me: {active}" if active else "&Reviewed by me")
        self._measure.setEnabled(bool(names))
