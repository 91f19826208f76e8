"""Details: everything said of the series in front: guess, geometry, findings, what they mean."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from organtwin.ui.browser_rows import facts
from organtwin.ui.browser_tree import GRADES
from organtwin.ui.choosing import VOLUMES, Listed
from organtwin.ui.pieces import cleared, pill, side_by_side, words


class Details(QScrollArea):
    """A column of words."""

    def __init__(self) -> None:
        super().__init__()
        inside = QWidget()
        inside.setObjectName("PanelBody")
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(12, 10, 12, 12)
        self._column.setSpacing(6)
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setAccessibleName("Details of the series")

    def show_series(self, series: Listed | None) -> None:
        """Show one series, or what there is to do."""
        cleared(self._column)
        if series is None:
            self._add("Click a series, or go to it with the arrow keys, to look at it.", "muted")
        else:
            self._show(series)
        self._column.addStretch(1)

    def show_trouble(self, what: str, advice: str) -> None:
        """Say why a series cannot be shown."""
        self._column.insertWidget(0, words(advice, "muted", wrap=True))
        self._column.insertWidget(0, words(what[:1].upper() + what[1:], "bad", wrap=True))

    def _show(self, series: Listed) -> None:
        geometry = series.geometry
        word, tone = GRADES[series.grade]
        title = words(series.title, "heading", wrap=True)
        self._column.addLayout(side_by_side(title, pill(word, tone), stretch=0))
        self._add(" · ".join(facts(series)), "muted")
        if series.phase:
            self._add(f"Probably {series.phase}: {series.reason}", "")
        if series.refusal:
            self._add(series.refusal[:1].upper() + series.refusal[1:], "bad")
            self._add(series.advice, "muted")
        elif series.modality not in VOLUMES:
            what = series.modality or "An image that does not say its modality"
            self._add(f"{what} can be looked at; visits are made of CT or MR.", "muted")
        elif series.grade == "withheld":
            self._add(
                "Volumes and margins will be withheld until its findings are acknowledged.", "bad"
            )
        for finding in geometry["findings"]:
            if finding != series.refusal:
                self._add(f"• {finding}", "warn")
        if not series.refusal:
            consequence = str(geometry["consequence"])
            told = f"{consequence[:1].upper()}{consequence[1:]}."
            self._add(told, "muted" if series.grade == "good" else "warn")
        for what, how in geometry["established"]:
            self._add(f"{what}: {how}", "muted")
        if not geometry["established"]:
            self._add(_place(geometry), "muted")

    def _add(self, text: str, role: str) -> None:
        if text:
            self._column.addWidget(words(text, role, wrap=True))


def _place(geometry: Any) -> str:
    gaps = f"gaps {geometry['gap_min_mm']:.2f} to {geometry['gap_max_mm']:.2f} mm"
    return f"Axes {geometry['orientation']}, tilt {geometry['tilt_deg']:.2f}°, {gaps}"
