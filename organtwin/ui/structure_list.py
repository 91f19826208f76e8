"""StructureList: every structure of the visit shown, and what can be done to the one in work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin.core.case import WorkState
from organtwin.core.labelmap import LabelMap, Structure
from organtwin.ui.doubts import Doubts
from organtwin.ui.fetch import Fetch
from organtwin.ui.pieces import cleared, side_by_side, tool, words
from organtwin.ui.row_dragging import RowDragging
from organtwin.ui.structure_row import StructureRow, in_ml, swatch
from organtwin.ui.tips import tooltip
from organtwin.ui.workbench import COLOURS, NEXT_STATE, Workbench

REST_MS: Final = 400
"""After a gesture so long without another, the ± of volumes is worked out: it reads all voxels."""
ALLOWS: Final = "±: what the geometry of the slices allows at most"
ALLOWS_MORE: Final = f"{ALLOWS}; errors of the labels are not in it"
FILLED: Final = "±: so much may rest on slices that were never taken"
FILLED_MORE: Final = f"{FILLED}; errors of the labels are not in it"
UNSURE: Final = (
    "With all that lies in it. Between two slices the surface lies anywhere: the volume may differ "
    "by this at most, were the labels right"
)


class StructureList(QWidget):
    """Rows, and below them what acts on the structure in work."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        self.rows: dict[str, StructureRow] = {}
        self._structures: tuple[Structure, ...] | None = None
        self._visit = -1
        self._names = QButtonGroup(self)
        self._column = QVBoxLayout()
        self._column.setSpacing(0)
        self._none = words("No structures yet: add one, or find them below.", "muted", wrap=True)
        self._allows = words("", "muted", wrap=True)
        self._doubts = Doubts(bench)
        self._line = QLineEdit()
        self._line.setMaxLength(64)
        self._line.hide()
        self._line.returnPressed.connect(self._typed)
        self._typing = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._column)
        column.addWidget(self._none)
        column.addWidget(self._doubts)
        column.addWidget(self._line)
        column.addLayout(self._tools())
        column.addWidget(self._allows)
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._work_out)
        self._unsure: Fetch | None = None
        self._readers: set[Fetch] = set()
        self._add_keys()
        self._drag = RowDragging(self, lambda: [*self.rows.values()])
        self._drag.dropped.connect(lambda row, to: bench.place([*self.rows][row], to))
        bench.chosen.connect(self._show_active)
        bench.showing.viewing.hidden_changed.connect(self._show_hidden)

    def refresh(self) -> None:
        """Show the structures of the visit shown; those that stayed keep their rows."""
        labels = self.bench.labels
        structures = labels.structures if labels is not None else ()
        visit = self.bench.showing.visit
        if structures != self._structures or visit != self._visit:
            self._structures, self._visit = structures, visit
            self._make_rows(structures)
        self._show_volumes()
        for name, row in self.rows.items():
            row.show_work(self.bench.work_on(name))
        self._doubts.follow(self.rows)
        self._show_hidden()
        self._show_active()

    def rename(self) -> None:
        """Let the name of the structure in work be typed."""
        if self.bench.active:
            self._ask_line("rename", f"New name of {self.bench.active}", self.bench.active)

    def name_new(self) -> None:
        """Let the name of a new structure be typed."""
        self._ask_line("add", "Name of the new structure", "")

    def go_to(self, name: str) -> None:
        """Bring the crosshair to the middle of a structure, where it has voxels."""
        labels = self.bench.labels
        place = self._doubts.place_mm(name)
        if place is None and labels is not None:
            place = _middle_mm(labels, name)
        if place is None:
            self.bench.said.emit(f"{name} has no voxels yet")
        else:
            self.bench.showing.viewing.move_to(place)

    # -- how it is made -------------------------------------------------------------------------

    def _tools(self) -> QHBoxLayout:
        tip = "Add a structure of the organ, the next tumour, or any other"
        self.add = tool("plus", "Add a structure", tip)
        self.add.setText("Add")
        self.add.setProperty("words", True)
        self.add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.add.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.add.setMenu(self._menu)
        self.buttons: dict[str, QToolButton] = {}
        for key, picture, name, tip in (
            ("rename", "rename", "Rename", "Rename the structure in work (F2)"),
            ("colour", "palette", "Colour", "Another colour for the structure in work"),
            ("up", "chevron-up", "Draw earlier", "Draw it earlier: others lie over it (Alt+Up)"),
            ("down", "chevron-down", "Draw later", "Draw it later, over others (Alt+Down)"),
            ("goto", "goto", "Go to", "Bring the crosshair to the structure in work"),
            ("remove", "trash", "Remove", "Remove the structure in work (undo brings it back)"),
        ):
            self.buttons[key] = tool(picture, name, tip)
        self._colours = QMenu(self)
        for name, colour in COLOURS:
            action = self._colours.addAction(swatch(colour), name.capitalize())
            action.triggered.connect(lambda _=False, c=colour: self._do("recolour", c))
        self.buttons["colour"].setMenu(self._colours)
        self.buttons["colour"].setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.buttons["rename"].clicked.connect(self.rename)
        self.buttons["up"].clicked.connect(lambda: self._do("move", -1))
        self.buttons["down"].clicked.connect(lambda: self._do("move", 1))
        self.buttons["goto"].clicked.connect(lambda: self.go_to(self.bench.active))
        self.buttons["remove"].clicked.connect(lambda: self._do("remove"))
        row = side_by_side(self.add, QWidget(), *self.buttons.values(), stretch=1)
        row.setSpacing(0)
        return row

    def _add_keys(self) -> None:
        for keys, run in (
            ("F2", self.rename),
            ("Alt+Up", lambda: self._do("move", -1)),
            ("Alt+Down", lambda: self._do("move", 1)),
        ):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(run)
        leave = QShortcut(QKeySequence("Esc"), self._line)
        leave.setContext(Qt.ShortcutContext.WidgetShortcut)
        leave.activated.connect(self._line.hide)

    def _fill_menu(self) -> None:
        self._menu.clear()
        for name in self.bench.names_to_add():
            action = self._menu.addAction(name)
            action.triggered.connect(lambda _=False, name=name: self.bench.add(name))
        self._menu.addSeparator()
        self._menu.addAction("Another…").triggered.connect(self.name_new)

    def _make_rows(self, structures: tuple[Structure, ...]) -> None:
        for row in self.rows.values():
            self._names.removeButton(row.name)
        cleared(self._column)
        self.rows = {}
        for number, structure in enumerate(structures, 1):
            row = StructureRow(structure, number)
            name = structure.name
            row.name.clicked.connect(lambda _=False, name=name: self.bench.choose(name))
            row.state.clicked.connect(lambda _=False, name=name: self._advance(name))
            row.state.customContextMenuRequested.connect(
                lambda at, row=row: self._ask_state(row, at)
            )
            row.look.clicked.connect(lambda _=False, name=name: self.go_to(name))
            row.eye.clicked.connect(lambda _=False, row=row: self._show(row))
            self._drag.watch(row, row.name)
            self._names.addButton(row.name)
            self._column.addWidget(row)
            self.rows[name] = row
        self._none.setVisible(not structures)
        self._line.hide()

    # -- what is shown --------------------------------------------------------------------------

    def _show_volumes(self) -> None:
        """Show volumes; what the geometry may change of them is worked out beside the window."""
        labels, geometry = self.bench.labels, self.bench.geometry
        self._unsure = None
        withheld = geometry is not None and geometry.grade == "withheld"
        self._allows.setVisible(labels is not None and geometry is not None and not withheld)
        if labels is None:
            return
        for name, row in self.rows.items():
            if withheld:
                row.show_volume("withheld", "The geometry is in doubt")
            else:
                row.show_volume(in_ml(labels.volume_ml(name)), "With all that lies in it")
        if geometry is not None and not withheld:
            filled = geometry.interpolated_ml > 0
            self._allows.setText(FILLED if filled else ALLOWS)
            self._allows.setToolTip(tooltip(FILLED_MORE if filled else ALLOWS_MORE))
            self._rest.start()

    def _work_out(self) -> None:
        """Work out the ± of each volume in another thread; an edit meanwhile asks anew."""
        labels, geometry = self.bench.labels, self.bench.geometry
        if labels is None or geometry is None:
            return

        def taken(found: Mapping[str, Any]) -> None:
            if self._unsure is reader:
                self._unsure = None
                for name, unsure in found.items():
                    if isinstance(unsure, float) and name in self.rows:
                        said = in_ml(labels.volume_ml(name), unsure)
                        self.rows[name].show_volume(said, UNSURE)
            self._readers.discard(reader)

        reader = Fetch(lambda name: labels.unsure_ml(name, geometry), tuple(self.rows), taken)
        self._unsure = reader
        self._readers.add(reader)
        reader.start()

    def _show_hidden(self) -> None:
        for name, row in self.rows.items():
            row.show_hidden(name in self.bench.showing.viewing.hidden)

    def _show_active(self) -> None:
        active = self.bench.active
        if active in self.rows:
            self.rows[active].name.setChecked(True)
        for key, button in self.buttons.items():
            button.setEnabled(bool(active))
            if key in ("up", "down"):
                button.setEnabled(self.bench.may_move(active, -1 if key == "up" else 1))
        self.add.setEnabled(self.bench.showing.shown_visit is not None)

    # -- what is clicked ------------------------------------------------------------------------

    def _do(self, what: str, *more: object) -> None:
        if self.bench.active:
            getattr(self.bench, what)(self.bench.active, *more)

    def _advance(self, name: str) -> None:
        self.bench.mark(name, NEXT_STATE[self.bench.work_on(name).state])

    def _ask_state(self, row: StructureRow, at: QPoint) -> None:
        name = row.structure.name

        def chosen(state: WorkState) -> None:
            self.bench.mark(name, state)

        row.ask_state(self.bench.session.folder.who, chosen, at)

    def _show(self, row: StructureRow) -> None:
        viewing, name = self.bench.showing.viewing, row.structure.name
        viewing.set_hidden(viewing.hidden - {name} if row.hidden else viewing.hidden | {name})

    def _ask_line(self, what: str, title: str, text: str) -> None:
        self._typing = what
        self._line.setAccessibleName(title)
        self._line.setPlaceholderText(f"{title}; Enter")
        self._line.setText(text)
        self._line.selectAll()
        self._line.show()
        self._line.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _typed(self) -> None:
        text = self._line.text().strip()
        self._line.hide()
        if text and self._typing == "add":
            self.bench.add(text)
        elif text and self.bench.active:
            self.bench.rename(self.bench.active, text)


def _middle_mm(labels: LabelMap, name: str) -> NDArray[np.float64] | None:
    """Return LPS mm: its voxel nearest the middle of its middle plane, None where it has none."""
    wanted = np.zeros(256, dtype=bool)
    wanted[[s.label for s in labels.inside(name)]] = True
    planes = [k for k in range(labels.labels.shape[2]) if wanted[labels.labels[:, :, k]].any()]
    if not planes:
        return None
    k = planes[len(planes) // 2]
    places = np.argwhere(wanted[labels.labels[:, :, k]])
    nearest = np.linalg.norm(places - places.mean(axis=0), axis=1).argmin()
    index = np.array([*places[nearest], k])
    place: NDArray[np.float64] = labels.affine[:3, :3] @ index + labels.affine[:3, 3]
    return place
