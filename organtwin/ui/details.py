"""Details: everything said of the series in front: guess, geometry, findings, what they mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from organtwin.ui.browser_rows import facts
from organtwin.ui.browser_tree import GRADES
from organtwin.ui.choosing import VOLUMES, Listed, misfit
from organtwin.ui.pieces import button, cleared, pill, side_by_side, words

MODALITIES: Final = {"CT": "CT", "MR": "MR", "PT": "PET"}


class Details(QScrollArea):
    """A column of words.

    Signals:
        stated: (key, modality): a person says what a file does not.

    Args:
        organ: tells the name of the case's organ.
    """

    stated = Signal(str, str)

    def __init__(self, organ: Callable[[], str]) -> None:
        super().__init__()
        self._organ = organ
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
        elif not series.modality or series.stated:
            self._ask_modality(series)
        elif series.modality not in VOLUMES:
            self._add(f"{series.modality} can be looked at; visits are made of CT or MR.", "muted")
        elif series.grade == "withheld":
            self._add(
                "Volumes and margins will be withheld until its findings are acknowledged.", "bad"
            )
        self._add(misfit(series, self._organ()), "warn")
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

    def _ask_modality(self, series: Listed) -> None:
        """Let a person say what the file does not: its modality."""
        taken = MODALITIES.get(series.modality, "")
        told = f"you take it for {taken}. Or is it:" if taken else "a visit needs one. It is:"
        self._add(f"The file says no modality; {told}", "warn")
        buttons = []
        for modality, name in MODALITIES.items():
            if name != taken:
                made = button(name, f"Take the values for those of {name}; goes into the journal")
                made.clicked.connect(lambda _=0, m=modality: self.stated.emit(series.key, m))
                buttons.append(made)
        self._column.addLayout(side_by_side(*buttons, stretch=None))
        if series.stated and series.modality == "CT":
            self._add("Its values are taken for HU.", "muted")
        if series.stated and series.modality not in VOLUMES:
            self._add("PET can be looked at; visits are made of CT or MR.", "muted")

    def _add(self, text: str, role: str) -> None:
        if text:
            self._column.addWidget(words(text, role, wrap=True))


def _place(geometry: Any) -> str:
    gaps = f"gaps {geometry['gap_min_mm']:.2f} to {geometry['gap_max_mm']:.2f} mm"
    return f"Axes {geometry['orientation']}, tilt {geometry['tilt_deg']:.2f}°, {gaps}"
