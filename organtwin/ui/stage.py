"""Stage: three slices and the organ in 3D, two by two; or one of them; or two visits."""

from __future__ import annotations

from typing import Final, Protocol, runtime_checkable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QGridLayout, QStackedWidget, QVBoxLayout, QWidget

from organtwin.ui.measure_journal import MeasureJournal
from organtwin.ui.measure_list import MeasureList
from organtwin.ui.pair_bar import PairBar
from organtwin.ui.pairing import Pairing
from organtwin.ui.quantities import Quantities
from organtwin.ui.showing import Showing
from organtwin.ui.stage_bar import StageBar
from organtwin.ui.tool_bar import ToolBar
from organtwin.ui.viewing import Viewing
from organtwin.ui.views.beside_view import BesideView
from organtwin.ui.views.organ_view import UNSEGMENTED, HandIn3D, OrganView
from organtwin.ui.views.slice_view import SliceView
from organtwin.ui.views.slicing import PLANES, Plane

FINDING: Final = "Finding surfaces…"


@runtime_checkable
class HasPictures(Protocol):
    """A page that brings its own pictures."""

    def pictures(self) -> QWidget | None:
        """Return them, None for the four views."""
        ...


class Stage(QWidget):
    """The pictures in the middle of the window, with bars of what they show."""

    def __init__(self, showing: Showing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("Ground")
        self.showing = showing
        self.pairing = Pairing(showing, self)
        self.slices = {plane: SliceView(plane, showing.viewing) for plane in PLANES}
        self.organ = OrganView()
        self.beside = BesideView(showing.viewing, self.pairing.second)
        self.beside.left_asked.connect(lambda: self.pairing.choose("off"))
        self._whole: QWidget | None = None
        self._own: QWidget | None = None
        self._stack = QStackedWidget()
        self._grid = self._four()
        self._stack.addWidget(self._grid)
        self._stack.addWidget(self.beside)
        self.bar = StageBar(showing, lambda: self.maximise(None), self.reset)
        self.tools = ToolBar(self.pairing)
        self.tools.add(self.bar.doubt)
        self.pair_bar = PairBar(self.pairing)
        self.measures = MeasureList(self._measured_viewings)
        self.measures.hide()
        self.quantities = Quantities(showing)
        self.tools.add_after_measures(self.quantities.switch)
        self.journal = MeasureJournal(
            showing.session, showing.viewing.measures, self._measured_viewings
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for each in (self.bar, self.tools, self.pair_bar):
            column.addWidget(each)
        column.addWidget(self._stack, 1)
        column.addWidget(self.measures)
        column.addWidget(self.quantities)
        self._connect()

    def show_page(self, page: QWidget) -> None:
        """Show a page's own pictures where it has some, else the four views or two visits."""
        self._own = page.pictures() if isinstance(page, HasPictures) else None
        if self._own is not None and self._stack.indexOf(self._own) < 0:
            self._stack.addWidget(self._own)
        self._arrange()

    def maximise(self, view: QWidget | None) -> None:
        """Give one view the whole space; None, or the same again, shows all four."""
        self._whole = None if view is self._whole else view
        for each in (*self.slices.values(), self.organ):
            each.setVisible(self._whole is None or each is self._whole)
        # A row or column with nothing to show would keep its share of the space.
        for number, each in enumerate(self._order):
            if each is self._whole:
                self._stretch(*divmod(number, 2))
        if self._whole is None:
            self._stretch(None, None)
        self.bar.split.setEnabled(self._whole is not None)

    def reset(self) -> None:
        """Show everything as at first."""
        for view in (*self.slices.values(), self.beside.first, self.beside.second):
            view.reset()
        self.beside.align()
        self.organ.reset_camera()

    def _connect(self) -> None:
        showing = self.showing
        showing.scene_changed.connect(self._draw_scene)
        self.pairing.changed.connect(self._follow_pairing)
        showing.grips_changed.connect(self.organ.set_plane)
        self.organ.plane_moved.connect(showing.plane_dragged)
        self.pair_bar.plane_chosen.connect(self.beside.show_plane)
        self.tools.list.toggled.connect(self._show_list)
        showing.quantities_asked.connect(lambda: self.quantities.switch.setChecked(True))
        showing.viewing.changed.connect(self._follow_hand)
        self.tools.add_keys(self)
        flicker = QShortcut(QKeySequence("T"), self)
        flicker.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        flicker.activated.connect(lambda: self.pairing.set_flicker(not self.pairing.flickers))
        quantities = QShortcut(QKeySequence("Q"), self)
        quantities.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        quantities.activated.connect(self.quantities.switch.toggle)
        for signal in (showing.viewing.measures.changed, showing.visit_shown, self.pairing.changed):
            signal.connect(self.measures.follow)
        for signal in (showing.visit_shown, self.pairing.changed):
            signal.connect(self.journal.follow)

    def _four(self) -> QWidget:
        holder = QWidget()
        holder.setObjectName("Ground")
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(2)
        for number, view in enumerate(self._order):
            grid.addWidget(view, *divmod(number, 2))
            view.maximise_asked.connect(lambda view=view: self.maximise(view))
        self._tiles = grid
        self._stretch(None, None)
        return holder

    @property
    def _order(self) -> tuple[SliceView | OrganView, ...]:
        flat = self.slices
        return flat["axial"], self.organ, flat["coronal"], flat["sagittal"]

    def _stretch(self, row: int | None, column: int | None) -> None:
        """Give the space to one row and column of the four views, or evenly to all."""
        for number in range(2):
            self._tiles.setRowStretch(number, int(row in (None, number)))
            self._tiles.setColumnStretch(number, int(column in (None, number)))

    def _arrange(self) -> None:
        pair = self.beside if self.pairing.mode == "beside" else self._grid
        self._stack.setCurrentWidget(self._own or pair)
        for bar in (self.bar, self.tools):
            bar.setVisible(self._own is None)
        self.pair_bar.setVisible(self._own is None and self.pairing.mode != "off")
        self.measures.setVisible(self._own is None and self.tools.list.isChecked())
        self.quantities.setVisible(self._own is None and self.quantities.switch.isChecked())

    def _follow_pairing(self) -> None:
        pairing = self.pairing
        began = pairing.mode == "beside" and self._stack.currentWidget() is self._grid
        said = ""
        if pairing.mode != "off":
            first, second = pairing.name_of(self.showing.visit), pairing.name_of(pairing.visit)
            self.beside.caption(first, second)
            said = self._blended(first, second) if pairing.blend is not None else first
        for view in self.slices.values():
            view.veil, view.caption = pairing.blend, said
            view.update()
        self.beside.linked = pairing.link is not None
        if began:
            plane = self._looked_at()
            self.pair_bar.show_plane(plane)
            self.beside.show_plane(plane)
        self._arrange()
        if began and self._own is None:
            self.beside.focus()
        self.beside.align()

    def _blended(self, first: str, second: str) -> str:
        """Return which visit is seen where, and whose outlines are drawn."""
        blend = self.pairing.blend
        if blend is None:
            return first
        if self.pairing.flickers:
            said = f"{second if blend.opacity else first} (flicker)"
        elif blend.swipe is not None:
            said = f"left {first}\nright {second}"
        else:
            said = f"{first}\nunder {100.0 * blend.opacity:.0f} % of {second}"
        outlined = self.showing.viewing.labels is not None
        return f"{said}\noutlines of {first.split('  ')[0]}" if outlined else said

    def _looked_at(self) -> Plane:
        """Return the plane that has the whole space or the keyboard, else the axial one."""
        for plane, view in self.slices.items():
            if view is self._whole or view.hasFocus():
                return plane
        return "axial"

    def _measured_viewings(self) -> list[tuple[str, Viewing]]:
        visits = self.showing.session.case.visits
        if not visits:
            return [("image", self.showing.viewing)]
        found = [(f"day {visits[self.showing.visit].day:g}", self.showing.viewing)]
        if self.pairing.mode == "beside":
            found.append((f"day {visits[self.pairing.visit].day:g}", self.pairing.second))
        return found

    def _show_list(self, on: bool) -> None:
        self.measures.setVisible(on and self._own is None)
        self.measures.follow()

    def _follow_hand(self) -> None:
        """Let the tool in hand work in 3D where it can."""
        hand = self.showing.viewing.hand
        self.organ.hand = hand if isinstance(hand, HandIn3D) else None
        self.organ.update()

    def _draw_scene(self) -> None:
        visit = self.showing.shown_visit
        self.organ.empty_line = FINDING if visit and visit.labels else UNSEGMENTED
        self.organ.show_scene(self.showing.scene())
