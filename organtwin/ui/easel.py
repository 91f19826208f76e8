"""Easel: the labels of the visit shown, on a canvas that gestures are drawn on while they go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from organtwin.core.boxes import Box
from organtwin.core.canvas import Canvas, follow
from organtwin.core.errors import BadArgument, CaseDamaged, OrganTwinError
from organtwin.core.labelmap import LabelMap
from organtwin.editing import Stroke
from organtwin.ui.session import Session


class Easel(QObject):
    """Holds one Canvas from the first gesture on; moved by Changes it is never copied again.

    Signals:
        put_up: other labels lie on it.
        drawn: voxels of the labels shown changed in place, with the box (slices of their array).
    """

    put_up = Signal()
    drawn = Signal(object)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._canvas: Canvas | None = None
        self._stroke: Stroke | None = None

    def labels(self, labels_id: str) -> LabelMap:
        """Return labels: those on the easel without a copy, others from the case."""
        if self._canvas is not None and self._canvas.at == labels_id:
            return self._canvas.labels
        labels: LabelMap = self._session.get(labels_id)
        return labels

    def holds(self, labels_id: str) -> bool:
        """Return whether these labels lie on the easel."""
        return self._canvas is not None and self._canvas.at == labels_id

    def put(self, labels_id: str) -> None:
        """Put labels on the easel; takes a copy of them where it held others."""
        if not self.holds(labels_id):
            self._canvas = Canvas(self._session.get(labels_id), labels_id)
            self._session.folder.canvas(labels_id)  # the step's own, ready before the first stroke
            self.put_up.emit()

    def clear(self) -> None:
        """Let go of what it holds."""
        self._canvas = self._stroke = None

    def follow(self, labels_id: str) -> Box | None:
        """Go on to other labels; returns the box that changed, None where it has to let go."""
        canvas = self._canvas
        if canvas is None:
            return None
        if self._stroke is not None:
            self.drop()
        try:
            box = follow(canvas, self._session.folder.objects.as_put, labels_id)
        except CaseDamaged:  # it stood at what a step that failed had put
            box = None
        if box is None:
            self.clear()
        return box

    # -- one stroke -----------------------------------------------------------------------------

    def begin(self, tool: str, arguments: Mapping[str, Any], volume_id: str) -> None:
        """Begin a stroke of a tool on the labels that it holds.

        Raises:
            BadArgument: there are no labels on it.
        """
        if self._canvas is None:
            raise BadArgument("there is nothing to draw on", advice="add a structure first")
        ranged = arguments.get("low") is not None or arguments.get("high") is not None
        volume = self._session.get(volume_id) if ranged else None
        self._stroke = Stroke(self._canvas, volume, tool, arguments)

    def add(self, points_mm: Sequence[Sequence[float]]) -> bool:
        """Draw on; returns whether anything changed. Raises BadArgument, then nothing changed."""
        if self._stroke is None:
            return False
        change = self._stroke.add(points_mm)
        if change is not None:
            self.drawn.emit(change.box)
        return change is not None

    def end(self, visit: int, tool: str) -> bool:
        """Make the stroke a step of the case; what cannot be recorded is taken back."""
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            return False
        done = False
        try:
            arguments = {"visit": visit, "tool": tool, "arguments": stroke.arguments}
            done = self._session.do("edit", arguments)
            labels_id = self._session.case.visits[visit].labels
            done = done and self._canvas is not None and self._canvas.at == labels_id
        except OrganTwinError:
            done = False
        if not done:
            self._take_back(stroke)
        return done

    def drop(self) -> None:
        """Leave the labels as they were before the stroke."""
        stroke, self._stroke = self._stroke, None
        if stroke is not None:
            self._take_back(stroke)

    def _take_back(self, stroke: Stroke) -> None:
        stroke.take_back()
        shape = stroke.canvas.labels.labels.shape
        i, j, k = (slice(0, n) for n in shape)
        self.drawn.emit((i, j, k))
