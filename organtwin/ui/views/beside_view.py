"""BesideView: the same plane of two visits, left and right."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from organtwin.ui.viewing import Viewing
from organtwin.ui.views.slice_view import SliceView
from organtwin.ui.views.slicing import Plane


class BesideView(QWidget):
    """Two slices; zoom and shift of one are taken over by the other while they are linked."""

    left_asked = Signal()
    """Somebody wants to go back to the four views."""

    def __init__(self, first: Viewing, second: Viewing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("Ground")
        self.first = SliceView("axial", first)
        self.second = SliceView("axial", second)
        self.linked = False
        self._following = False
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for view, name in ((self.first, "First"), (self.second, "Second")):
            row.addWidget(view, 1)
            view.maximise_asked.connect(self.left_asked)
            view.setAccessibleName(f"{name} visit")
        self.first.looked.connect(lambda: self.align(self.first))
        self.second.looked.connect(lambda: self.align(self.second))

    def show_plane(self, plane: Plane) -> None:
        """Show another plane of both."""
        self.first.show_plane(plane)
        self.second.show_plane(plane)
        self.align()

    def caption(self, first: str, second: str) -> None:
        """Write which visit is which."""
        for view, said in ((self.first, first), (self.second, second)):
            view.caption = said
            view.setAccessibleName(f"{said}, {view.plane} slices")
            view.update()

    def align(self, source: SliceView | None = None) -> None:
        """Bring both to the same mm per pixel, the crosshair at the same place of both."""
        source = source or self.first
        other = self.second if source is self.first else self.first
        there = source.viewing.volume is not None and other.viewing.volume is not None
        if self._following or not self.linked or not there:
            return
        self._following = True
        zoom = other.zoom * source.scale() / other.scale()
        other.look(zoom, other.shift)
        off = source.to_screen(source.viewing.cursor_mm) - _middle(source)
        away = other.to_screen(other.viewing.cursor_mm) - _middle(other)
        other.look(zoom, other.shift + off - away)
        self._following = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep both aligned."""
        super().resizeEvent(event)
        self.align()

    def focus(self) -> None:
        """Take the keyboard."""
        self.first.setFocus(Qt.FocusReason.OtherFocusReason)


def _middle(view: SliceView) -> QPointF:
    return QPointF(view.width() / 2, view.height() / 2)
