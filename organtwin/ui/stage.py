"""Stage: three slices and the organ in 3D, two by two; one of them may take the whole space."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from organtwin.organs import organs
from organtwin.ui.pieces import pill, tool, words
from organtwin.ui.showing import Showing
from organtwin.ui.views.organ_view import OrganView
from organtwin.ui.views.slice_view import SliceView
from organtwin.ui.views.slicing import PLANES


@runtime_checkable
class HasPictures(Protocol):
    """A page that brings its own pictures."""

    def pictures(self) -> QWidget:
        """Return them."""
        ...


class Stage(QWidget):
    """The pictures in the middle of the window, with a bar of what they show."""

    def __init__(self, showing: Showing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("Ground")
        self.showing = showing
        self.slices = {plane: SliceView(plane, showing.viewing) for plane in PLANES}
        self.organ = OrganView()
        self._whole: QWidget | None = None
        self._stack = QStackedWidget()
        self._grid = self._four()
        self._stack.addWidget(self._grid)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._bar = self._make_bar()
        column.addWidget(self._bar)
        column.addWidget(self._stack, 1)
        showing.scene_changed.connect(self._draw_scene)
        showing.viewing.changed.connect(self._follow_viewing)
        showing.session.case_changed.connect(self._list_visits)
        showing.visit_changed.connect(self._visits.setCurrentIndex)

    def show_page(self, page: QWidget) -> None:
        """Show a page's own pictures where it has some, else the four views."""
        own = page.pictures() if isinstance(page, HasPictures) else None
        if own is not None and self._stack.indexOf(own) < 0:
            self._stack.addWidget(own)
        self._stack.setCurrentWidget(own or self._grid)
        self._bar.setVisible(own is None)

    def maximise(self, view: QWidget | None) -> None:
        """Give one view the whole space; None, or the same again, shows all four."""
        self._whole = None if view is self._whole else view
        for each in (*self.slices.values(), self.organ):
            each.setVisible(self._whole is None or each is self._whole)
        self._split.setEnabled(self._whole is not None)

    def _four(self) -> QWidget:
        holder = QWidget()
        holder.setObjectName("Ground")
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(2)
        flat = self.slices
        views: tuple[SliceView | OrganView, ...] = (
            flat["axial"],
            self.organ,
            flat["coronal"],
            flat["sagittal"],
        )
        for number, view in enumerate(views):
            row, column = divmod(number, 2)
            grid.addWidget(view, row, column)
            grid.setRowStretch(row, 1)
            grid.setColumnStretch(column, 1)
            view.maximise_asked.connect(lambda view=view: self.maximise(view))
        return holder

    def _make_bar(self) -> QWidget:
        bar = QWidget()
        bar.setObjectName("TopBar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(8)
        self._visits = QComboBox()
        self._visits.setAccessibleName("Visit shown")
        self._visits.setToolTip("Visit shown in the slices and in 3D (days since the baseline)")
        self._visits.setMinimumWidth(168)
        self._visits.activated.connect(self.showing.choose_visit)
        self._windows = QComboBox()
        self._windows.setAccessibleName("Window")
        self._windows.setToolTip("Which values are grey: centre and width in HU (or right drag)")
        self._windows.activated.connect(self._choose_window)
        self._fill = QSlider(Qt.Orientation.Horizontal)
        self._fill.setRange(0, 100)
        self._fill.setValue(22)
        self._fill.setFixedWidth(96)
        self._fill.setAccessibleName("Filling of structures in percent")
        self._fill.setToolTip("How strongly structures are filled in the slices (%)")
        self._fill.valueChanged.connect(lambda v: self.showing.viewing.set_fill(v / 100.0))
        self._withheld = pill("volumes withheld", "warn")
        self._withheld.setToolTip("The geometry of this image is in doubt: see the Import page")
        self._withheld.hide()
        self._split = tool("grid", "All four views", "All four views (or double-click a view)")
        self._split.setEnabled(False)
        self._split.clicked.connect(lambda: self.maximise(None))
        centre = tool("home", "Reset the views", "Reset zoom, slices and camera")
        centre.clicked.connect(self.reset)
        for thing in (self._visits, self._windows, words("Fill", "muted"), self._fill):
            row.addWidget(thing)
        row.addWidget(self._withheld)
        row.addStretch(1)
        row.addWidget(self._split)
        row.addWidget(centre)
        for window in organs()["liver"].windows:
            text = f"{window.name.capitalize()}  C {window.centre:.0f} W {window.width:.0f}"
            self._windows.addItem(text, (window.centre, window.width))
        return bar

    def reset(self) -> None:
        """Show everything as at first."""
        for view in self.slices.values():
            view.reset()
        self.organ.reset_camera()

    def _choose_window(self, index: int) -> None:
        centre, width = self._windows.itemData(index)
        self.showing.viewing.set_window(centre, width)

    def _draw_scene(self) -> None:
        self.organ.show_scene(self.showing.scene())

    def _follow_viewing(self) -> None:
        self._withheld.setVisible(self.showing.viewing.withheld)
        for index in range(self._windows.count()):
            if tuple(self._windows.itemData(index)) == self.showing.viewing.window:
                self._windows.setCurrentIndex(index)
                return
        self._windows.setCurrentIndex(-1)

    def _list_visits(self) -> None:
        self._visits.clear()
        for visit in self.showing.session.case.visits:
            date = visit.acquired.isoformat() if visit.acquired else "no date"
            self._visits.addItem(f"Day {visit.day:g}  ·  {date}")
        self._visits.setEnabled(self._visits.count() > 0)
        self._visits.setCurrentIndex(self.showing.visit)
