"""MeasureJournal: measures drawn in the pictures go into the case's journal, and come back.

Each time something was drawn, moved or deleted, one entry "measure" takes down all measures of that
image with what they say. It changes nothing in the Case, so undo passes by. The image is named by
the SHA-256 of what tells it apart (its series and grid): no identifier stands in the journal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

import numpy as np
from PySide6.QtCore import QObject

from organtwin.casefolder import CaseFolder
from organtwin.core.errors import CaseDamaged
from organtwin.core.journal import JournalEntry
from organtwin.ui.measures import NAMES, Measures, lines_of
from organtwin.ui.session import Session
from organtwin.ui.trouble import Trouble
from organtwin.ui.viewing import Viewing
from organtwin.ui.views.measuring import POINTS, Kind, Measure, point
from organtwin.ui.views.slicing import PLANES

STEP: Final = "measure"
PLACES: Final = 4
"""Decimals of mm that are kept: a ten-thousandth."""
TOLD: Final = 4
"""So many measures are told in an entry's one line; all stand in its arguments."""
Named = Callable[[], list[tuple[str, Viewing]]]


class MeasureJournal(QObject):
    """Keeps the measures of the images shown.

    Args:
        viewings: (name of the visit, what it is seen through) of the images shown.
    """

    def __init__(self, session: Session, measures: Measures, viewings: Named) -> None:
        super().__init__(measures)
        self._session, self._measures, self._viewings = session, measures, viewings
        self._folder: CaseFolder | None = None
        self._kept: dict[str, list[dict[str, Any]]] = {}
        measures.settled.connect(self._record)

    def follow(self) -> None:
        """Bring back what was measured in the images shown; another case has other measures."""
        folder = self._session.folder if self._session.is_open else None
        if folder is not self._folder:
            self._folder = folder
            self._kept.clear()
            self._measures.clear()
        for _, viewing in self._viewings():
            if folder is not None and viewing.image and viewing.image not in self._kept:
                self._restore(viewing.image)

    def _restore(self, image: str) -> None:
        self._kept[image] = []
        named = digest(image)
        for entry in reversed(self._session.entries):
            if entry.done.step == STEP and entry.done.arguments.get("image") == named:
                try:
                    found = measures_in(entry, image)
                except CaseDamaged as error:
                    self._session.failed.emit(Trouble.of(error))
                    return
                self._kept[image] = [_plain(measure) for measure in found]
                self._measures.restore(image, found)
                return

    def _record(self, image: str) -> None:
        """Journal the measures of an image where they are others than those journalled."""
        shown = [(name, v) for name, v in self._viewings() if v.image == image]
        measures = self._measures.of(image)
        plain = [_plain(measure) for measure in measures]
        if not shown or self._folder is None or self._kept.get(image, []) == plain:
            return
        self._kept[image] = plain
        name, viewing = shown[0]
        told = [_told(measure, viewing) for measure in measures]
        said = [each | {"says": text} for each, text in zip(plain, told, strict=True)]
        count = f"{len(told)} measure{'s' * (len(told) != 1)} of {name}"
        more = "; …" * (len(told) > TOLD)
        self._session.record(
            {
                "step": STEP,
                "arguments": {"image": digest(image), "of": name, "measures": said},
                "summary": ": ".join(filter(None, (count, "; ".join(told[-TOLD:]) + more))),
            }
        )


def digest(image: str) -> str:
    """Return what an image is called in the journal: half of the SHA-256 of its key."""
    return hashlib.sha256(image.encode()).hexdigest()[:32]


def measures_in(entry: JournalEntry, image: str) -> tuple[Measure, ...]:
    """Return the measures an entry took down; raises CaseDamaged where they are none."""
    try:
        return tuple(_measure(said, image) for said in entry.done.arguments["measures"])
    except (KeyError, TypeError, ValueError) as error:
        raise CaseDamaged(
            "the measures in the journal cannot be read", where=f"entry {entry.sequence}"
        ) from error


def _plain(measure: Measure) -> dict[str, Any]:
    points = np.round(measure.points_mm, PLACES).tolist()
    axes = np.array(measure.axes).tolist()
    kind, plane, oblique = measure.kind, measure.plane, measure.oblique
    return {"kind": kind, "plane": plane, "oblique": oblique, "points_mm": points, "axes": axes}


def _measure(said: Mapping[str, Any], image: str) -> Measure:
    points, axes = np.array(said["points_mm"], float), np.array(said["axes"], float)
    kind, plane = said["kind"], said["plane"]
    if kind not in get_args(Kind) or plane not in PLANES:
        raise ValueError("no such kind or plane")
    enough = len(points) == POINTS[kind] if POINTS[kind] else len(points) >= 3
    good = points.ndim == 2 and points.shape[1] == 3 and enough and axes.shape == (3, 3)
    if not good or not np.isfinite(points).all() or not np.allclose(axes @ axes.T, np.eye(3)):
        raise ValueError("no points or axes")
    x, y, z = (point(axis) for axis in axes)
    return Measure(
        kind, tuple(map(point, points)), plane, (x, y, z), image, oblique=bool(said["oblique"])
    )


def _told(measure: Measure, viewing: Viewing) -> str:
    if viewing.volume is None:
        return NAMES[measure.kind]
    values = viewing.measures.values(measure, viewing.volume)
    lines = lines_of(measure, values, unit=viewing.unit, withheld=viewing.withheld)
    return f"{NAMES[measure.kind]} {', '.join(lines)}"
