"""SliceView: one plane of the image with its structures, crosshair, measures and letters."""

from __future__ import annotations

from typing import Any, Final, Protocol, override

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from organtwin.ui.theme import VIEWPORT, colour, font
from organtwin.ui.viewing import Viewing
from organtwin.ui.views import measure_drawing, slice_drawing
from organtwin.ui.views.brush import draw_scribbles
from organtwin.ui.views.drags import Drag, begun, on_grip
from organtwin.ui.views.framing import Frame
from organtwin.ui.views.keys import HELP, pressed
from organtwin.ui.views.picture import Picture
from organtwin.ui.views.slicing import AXES, Canonical, Plane

REST_MS: Final = 160


class Veil(Protocol):
    """Another image laid over a view's own."""

    def key(self) -> tuple[Any, ...]:
        """Return what its look depends on."""

    def draw(self, painter: QPainter, view: SliceView) -> None:
        """Draw it."""


class SliceView(QWidget):
    """One slice. Left drag moves the crosshair (or draws with the tool, or turns a grip), right
    drag the window, middle or Shift drag the picture; the wheel scrolls, with Ctrl it zooms; a
    double click gives it the whole space and back.
    """

    maximise_asked = Signal()
    looked = Signal()
    """Zoom or shift are others."""

    def __init__(self, plane: Plane, viewing: Viewing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plane: Plane = plane
        self.viewing = viewing
        self.zoom, self.shift = 1.0, QPointF(0, 0)
        self.hover: NDArray[np.float64] | None = None
        self.caption = ""
        self.veil: Veil | None = None
        self.moving = False
        self.picture = Picture(self)
        self._drag: Drag | None = None
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._come_to_rest)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"{plane.capitalize()} slices")
        self.setAccessibleDescription(HELP)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        viewing.changed.connect(self._follow)
        viewing.moved.connect(self._follow)
        viewing.redrawn.connect(self._redraw)
        viewing.measures.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return a preferred size."""
        return QSize(400, 320)

    def minimumSizeHint(self) -> QSize:
        """Return the least useful size."""
        return QSize(160, 120)

    # -- where things are -----------------------------------------------------------------------

    @property
    def number(self) -> int:
        """The slice shown: canonical index across the plane."""
        return self.viewing.number(self.plane)

    def grid(self) -> Canonical:
        """Return the image's grid; there must be one."""
        if self.viewing.volume is None:
            raise RuntimeError("a place in a slice needs an image")
        return self.viewing.volume

    def frame(self) -> Frame:
        """Return how the plane lies in the patient."""
        return self.viewing.frame(self.plane)

    def scale(self) -> float:
        """Return how many pixels one mm has."""
        wide, tall = self.frame().extent_mm
        return min(self.width() / wide, self.height() / tall) * self.zoom

    def depth_mm(self) -> float:
        """Return where the plane shown lies along the frame's third axis."""
        place = self.viewing.cursor_mm
        if self.viewing.oblique is None:
            index = self.grid().index(place)
            index[AXES[self.plane][2]] = self.number
            place = self.grid().position_mm(index)
        return float(self.frame().flat(place)[2])

    def on_screen(self, flat: NDArray[np.float64]) -> QPointF:
        """Map mm right and down in the frame to widget coordinates."""
        middle = QPointF(self.width() / 2, self.height() / 2) + self.shift
        return middle + QPointF(float(flat[0]), float(flat[1])) * self.scale()

    def flat_at(self, point: QPointF) -> NDArray[np.float64]:
        """Map widget coordinates to the frame's mm (3,) in the plane shown."""
        away = point - QPointF(self.width() / 2, self.height() / 2) - self.shift
        return np.array([away.x() / self.scale(), away.y() / self.scale(), self.depth_mm()])

    def to_screen(self, lps_mm: NDArray[Any]) -> QPointF:
        """Map LPS mm (3,) to widget coordinates."""
        return self.on_screen(self.frame().flat(lps_mm))

    def to_mm(self, point: QPointF) -> NDArray[np.float64]:
        """Map widget coordinates to LPS mm (3,) in the plane shown."""
        return self.frame().place_mm(self.flat_at(point))

    # -- what is drawn --------------------------------------------------------------------------

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw everything; letters last, over all else."""
        painter = QPainter(self)
        if self.viewing.volume is None:
            painter.fillRect(self.rect(), QColor(VIEWPORT))
            painter.setPen(QColor("#5b6878"))
            painter.setFont(font(13))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "No image yet")
        else:
            self.picture.draw(painter)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            slice_drawing.draw_marks(painter, self)
            draw_scribbles(painter, self)
            slice_drawing.draw_crosshair(painter, self)
            measure_drawing.draw_measures(painter, self, slice_drawing.taken(self))
            if self.viewing.hand is not None:
                self.viewing.hand.overlay(painter, self)
            slice_drawing.draw_words(painter, self)
        if self.hasFocus():
            painter.setPen(QPen(colour("accent"), 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def look(self, zoom: float, shift: QPointF) -> None:
        """Zoom and shift the picture."""
        self.zoom, self.shift = min(max(zoom, 0.2), 40.0), shift
        self.looked.emit()
        self.update()

    def reset(self) -> None:
        """Show the whole slice."""
        self.look(1.0, QPointF(0, 0))

    def zoom_at(self, point: QPointF, factor: float) -> None:
        """Zoom about a place on the screen."""
        factor = min(max(self.zoom * factor, 0.5), 20.0) / self.zoom
        middle = QPointF(self.width() / 2, self.height() / 2) + self.shift
        self.look(self.zoom * factor, self.shift + (point - middle) * (1.0 - factor))

    def set_point(self, place_mm: NDArray[np.float64]) -> None:
        """Set the next point of the measuring tool."""
        of = (self.viewing.image, self.viewing.oblique is not None)
        self.viewing.measures.add_point(place_mm, self.plane, self.frame(), of)

    def show_plane(self, plane: Plane) -> None:
        """Show another plane."""
        self.plane, self.picture = plane, Picture(self)
        self.reset()

    def step(self, steps: int) -> None:
        """Move the crosshair by whole slices."""
        self.viewing.step(self.plane, steps)

    # -- mouse and keys -------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; with Ctrl zoom about the pointer, or size the tool in hand."""
        steps = event.angleDelta().y() / 120.0
        if self.viewing.volume is None:
            return
        hand = self.viewing.hand
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and hand and hand.resize(steps):
            self.update()
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_at(event.position(), 1.15**steps)
        elif steps:
            self.step(int(np.sign(steps)) * max(1, round(abs(steps))))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a drag; a left press belongs to the tool in hand."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if self.viewing.volume is None:
            return
        button = event.button()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            button = Qt.MouseButton.MiddleButton
        self.hover = self.to_mm(event.position())
        hand = self.viewing.hand
        if button == Qt.MouseButton.LeftButton and hand is not None:
            ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            self._drag = hand.begun(self, event.position(), other=ctrl)
        else:
            self._drag = begun(self, button, event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with a drag; show what lies under the pointer."""
        if self.viewing.volume is None:
            return
        self.hover = self.to_mm(event.position())
        if self._drag is not None:
            self._drag.move(event.position())
        else:
            self.setCursor(self._cursor_at(event.position()))
        self.update()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag."""
        drag, self._drag = self._drag, None
        if drag is not None:
            drag.end(event.position())

    @override
    def leaveEvent(self, event: Any) -> None:
        """Forget the pointer."""
        self.hover = None
        self.update()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Ask for the whole space, or give it back; a second click of a tool is a click."""
        self._drag = None
        if self.viewing.measures.tool is not None or self.viewing.hand is not None:
            self.mousePressEvent(event)
        else:
            self.maximise_asked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Do everything the mouse does from the keyboard."""
        if self.viewing.volume is None or not pressed(self, event):
            super().keyPressEvent(event)

    def _cursor_at(self, point: QPointF) -> Qt.CursorShape:
        held = measure_drawing.handle_at(self, point) is not None or on_grip(self, point)
        free = self.viewing.hand is not None or not held
        return Qt.CursorShape.CrossCursor if free else Qt.CursorShape.PointingHandCursor

    def _follow(self) -> None:
        if self.viewing.oblique is not None or self.veil is not None:
            self.moving = True
            self._rest.start()
        self.update()

    def _redraw(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        """Draw at once where somebody draws, elsewhere when its turn comes."""
        self.picture.forget(low, high)
        if self._drag is not None:
            self.update()
        else:
            self.viewing.turns.ask(self)

    def _come_to_rest(self) -> None:
        self.moving = False
        self.update()
