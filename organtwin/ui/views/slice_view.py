"""SliceView: one plane of the image with its structures, crosshair and letters."""

from __future__ import annotations

from typing import Any, override

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from organtwin.ui.theme import VIEWPORT, colour, font
from organtwin.ui.viewing import Viewing
from organtwin.ui.views import slice_drawing as drawing
from organtwin.ui.views.contours import outline
from organtwin.ui.views.slicing import AXES, Canonical, Plane


class SliceView(QWidget):
    """One slice. Left drag moves the crosshair, right drag the window, middle drag the picture;
    the wheel scrolls, with Ctrl it zooms; a double click gives it the whole space and back.
    """

    maximise_asked = Signal()

    def __init__(self, plane: Plane, viewing: Viewing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plane: Plane = plane
        self.viewing = viewing
        self.zoom, self.shift = 1.0, QPointF(0, 0)
        self.hover: NDArray[np.float64] | None = None
        self._drag: tuple[Qt.MouseButton, QPointF] | None = None
        self._image: tuple[Any, QImage] | None = None
        self._shown: tuple[Canonical | None, Canonical | None] = (None, None)
        self._paths: dict[int, list[tuple[str, QPainterPath]]] = {}
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"{plane.capitalize()} slices")
        self.setAccessibleDescription("Arrow up and down scroll, plus and minus zoom")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        viewing.changed.connect(self._content_changed)
        viewing.moved.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return a preferred size."""
        return QSize(400, 320)

    def minimumSizeHint(self) -> QSize:
        """Return the least useful size."""
        return QSize(160, 120)

    @property
    def number(self) -> int:
        """The slice shown: canonical index across the plane."""
        grid = self.viewing.volume
        if grid is None:
            return 0
        through = AXES[self.plane][2]
        wanted = round(float(grid.index(self.viewing.cursor_mm)[through]))
        return min(max(wanted, 0), int(grid.array.shape[through]) - 1)

    def step(self, steps: int) -> None:
        """Move the crosshair by whole slices."""
        grid = self.viewing.volume
        if grid is None:
            return
        index = grid.index(self.viewing.cursor_mm)
        index[AXES[self.plane][2]] = self.number + steps
        self.viewing.move_to(grid.position_mm(index))

    def to_screen(self, lps_mm: NDArray[Any]) -> QPointF:
        """Map LPS mm (3,) to widget coordinates."""
        grid = self.grid()
        across, down, _ = AXES[self.plane]
        index = grid.index(np.asarray(lps_mm, dtype=np.float64))
        y = grid.array.shape[down] - 1 - index[down] if down == 2 else index[down]
        return self.transform().map(QPointF(float(index[across]) + 0.5, float(y) + 0.5))

    def to_mm(self, point: QPointF) -> NDArray[np.float64]:
        """Map widget coordinates to LPS mm (3,) in the slice shown."""
        grid = self.grid()
        across, down, _ = AXES[self.plane]
        inverse, _ = self.transform().inverted()
        pixel = inverse.map(point)
        index = grid.index(self.viewing.cursor_mm)
        index[across] = pixel.x() - 0.5
        y = pixel.y() - 0.5
        index[down] = grid.array.shape[down] - 1 - y if down == 2 else y
        return grid.position_mm(index)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw everything."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(VIEWPORT))
        if self.viewing.volume is None:
            painter.setPen(QColor("#5b6878"))
            painter.setFont(font(13))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "No image yet")
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.setTransform(self.transform())
            image = self._picture()
            painter.drawImage(QRectF(0, 0, image.width(), image.height()), image)
            painter.resetTransform()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            drawing.draw_structures(painter, self, self.outlines())
            drawing.draw_marks(painter, self)
            drawing.draw_crosshair(painter, self)
            drawing.draw_words(painter, self)
        if self.hasFocus():
            painter.setPen(QPen(colour("accent"), 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; with Ctrl zoom about the pointer."""
        steps = event.angleDelta().y() / 120.0
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._zoom_at(event.position(), 1.15**steps)
        elif steps:
            self.step(int(np.sign(steps)) * max(1, round(abs(steps))))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a drag; a left press moves the crosshair or sets a seed."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if self.viewing.volume is None:
            return
        if event.button() == Qt.MouseButton.LeftButton and self.viewing.picking:
            place = self.to_mm(event.position())
            if self.viewing.value_at(place) is not None:
                self.viewing.clicked.emit(place)
            return
        self._drag = (event.button(), event.position())
        if event.button() == Qt.MouseButton.LeftButton:
            self.viewing.move_to(self.to_mm(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with a drag; show what lies under the pointer."""
        if self.viewing.volume is None:
            return
        self.hover = self.to_mm(event.position())
        if self._drag is not None:
            button, last = self._drag
            moved = event.position() - last
            self._drag = (button, event.position())
            if button == Qt.MouseButton.LeftButton:
                self.viewing.move_to(self.hover)
            elif button == Qt.MouseButton.RightButton:
                centre, width = self.viewing.window
                self.viewing.set_window(centre - moved.y(), width + 2.0 * moved.x())
            elif button == Qt.MouseButton.MiddleButton:
                self.shift += moved
        self.update()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag."""
        self._drag = None

    @override
    def leaveEvent(self, event: Any) -> None:
        """Forget the pointer."""
        self.hover = None
        self.update()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Ask for the whole space, or give it back."""
        self._drag = None
        if not self.viewing.picking:
            self.maximise_asked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Scroll and zoom from the keyboard."""
        steps = {
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_PageUp: 10,
            Qt.Key.Key_PageDown: -10,
        }
        middle = QPointF(self.width() / 2, self.height() / 2)
        if event.key() in steps:
            self.step(steps[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self._zoom_at(middle, 1.25)
        elif event.key() == Qt.Key.Key_Minus:
            self._zoom_at(middle, 0.8)
        elif event.key() == Qt.Key.Key_0:
            self.reset()
        elif event.key() == Qt.Key.Key_Return:
            self.maximise_asked.emit()
        else:
            super().keyPressEvent(event)

    def reset(self) -> None:
        """Show the whole slice."""
        self.zoom, self.shift = 1.0, QPointF(0, 0)
        self.update()

    def grid(self) -> Canonical:
        """Return the image's grid; there must be one."""
        if self.viewing.volume is None:
            raise RuntimeError("a place in a slice needs an image")
        return self.viewing.volume

    def transform(self) -> QTransform:
        """Return slice pixels → widget: right aspect in mm, centred, zoomed, shifted."""
        grid = self.grid()
        across, down, _ = AXES[self.plane]
        _, rows, _ = grid.extent(self.plane)
        low, high = self.viewing.body or (np.zeros(3), np.array(grid.array.shape) - 1.0)
        first = rows - 1 - high[down] if down == 2 else low[down]
        wide, high_mm = grid.spacing_mm[across], grid.spacing_mm[down]
        size = (high - low + 1.0)[[across, down]] * (wide, high_mm)
        fit = min(self.width() / size[0], self.height() / size[1]) * self.zoom
        left = (self.width() - size[0] * fit) / 2 + self.shift.x() - low[across] * wide * fit
        top = (self.height() - size[1] * fit) / 2 + self.shift.y() - first * high_mm * fit
        return QTransform(wide * fit, 0, 0, high_mm * fit, left, top)

    def _zoom_at(self, point: QPointF, factor: float) -> None:
        factor = min(max(self.zoom * factor, 0.5), 20.0) / self.zoom
        middle = QPointF(self.width() / 2, self.height() / 2) + self.shift
        self.shift += (point - middle) * (1.0 - factor)
        self.zoom *= factor
        self.update()

    def _content_changed(self) -> None:
        shown = (self.viewing.volume, self.viewing.labels)
        if shown[0] is not self._shown[0] or shown[1] is not self._shown[1]:
            self._paths.clear()
            self._image = None
            self._shown = shown
        self.update()

    def _picture(self) -> QImage:
        """Return the slice shown as greys, kept until the slice or the window changes."""
        key = (self.number, self.viewing.window)
        if self._image is None or self._image[0] != key:
            plate = self.grid().slice(self.plane, self.number).astype(np.float32)
            centre, width = self.viewing.window
            grey = np.clip((plate - (centre - width / 2)) * (255.0 / width), 0, 255)
            # Qt wants each row to start on a multiple of 4 bytes.
            padded = np.zeros((grey.shape[0], -(-grey.shape[1] // 4) * 4), dtype=np.uint8)
            padded[:, : grey.shape[1]] = grey
            kind = QImage.Format.Format_Grayscale8
            image = QImage(padded.data, grey.shape[1], grey.shape[0], padded.shape[1], kind)
            self._image = (key, image.copy())
        return self._image[1]

    def outlines(self) -> list[tuple[str, QPainterPath]]:
        """Return (structure, border in slice pixels) of the slice shown; kept for 64 slices."""
        labels = self.viewing.labels
        if labels is None or labels.array.shape != self.grid().array.shape:
            return []
        if self.number not in self._paths:
            if len(self._paths) > 64:
                self._paths.clear()
            plate = labels.slice(self.plane, self.number)
            within = {s.name: s.within for s in self.viewing.structures}
            found = []
            for structure in self.viewing.structures:
                wanted = np.zeros(256, dtype=bool)
                for inner in self.viewing.structures:
                    if drawing.contains(structure.name, inner.name, within):
                        wanted[inner.label] = True
                path = outline(wanted[plate])
                if not path.isEmpty():
                    found.append((structure.name, path))
            self._paths[self.number] = found
        return self._paths[self.number]
