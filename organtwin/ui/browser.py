"""Browser: what a place holds, before anything of it is in a case: list, details, quick look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from organtwin.ui.browser_rows import Filtered, Rows
from organtwin.ui.browser_tree import Tree
from organtwin.ui.child import Child
from organtwin.ui.choosing import Listed, choice_of, first_choice, toggled
from organtwin.ui.details import Details
from organtwin.ui.packing import unpacked
from organtwin.ui.pieces import button, choice, emblem, tool, words
from organtwin.ui.quick_look import QuickLook
from organtwin.ui.session import Session
from organtwin.ui.tips import tooltip

HINT: Final = "Drop a folder, a zip or a DICOMDIR here"


class Browser(QWidget):
    """Looks through a place in a process of its own; no case is changed.

    Without a case nothing is stored at all; with one, the user's index learns what headers say.

    Signals:
        changed: other things were found, or other series are chosen.
        closed: somebody does not want to see it any more.
    """

    changed = Signal()
    closed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("Ground")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.session = session
        self.path: Path | None = None
        self.listed: tuple[Listed, ...] = ()
        self.chosen: tuple[str, ...] = ()
        self.notice = ""
        self._dates: tuple[str, ...] = ()
        self._child: Child | None = None
        self.rows = Rows()
        self.filtered = Filtered(self.rows)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._make_hint())
        self._stack.addWidget(self._make_progress())
        self._stack.addWidget(self._make_content())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)

    # -- what the outside asks ------------------------------------------------------------------

    @property
    def is_looking(self) -> bool:
        """Whether a place is open, or being looked through."""
        return self.path is not None

    def look(self, path: Path, dates: tuple[str, ...] = ()) -> None:
        """Look through a folder, zip, DICOMDIR or file; `dates` are of the case's visits."""
        self.close_place()
        self.path, self._dates = path, dates
        self._progress_said.setText(f"Looking through {path.name}…")
        self._bar.setRange(0, 0)
        self._stack.setCurrentIndex(1)
        self._stop.setFocus()

        def of_now(hear: Callable[..., None]) -> Callable[..., None]:
            """Let nothing be heard of a place that was closed."""
            return lambda *said: hear(*said) if self._child is child else None

        asked = {"path": str(path), "remember": self.session.is_open}
        child = self.session.ask("look", asked, told=of_now(self._told))
        child.progress.connect(of_now(self._tell))
        child.ended.connect(lambda *_: self._over(child))
        self._child = child
        self.changed.emit()

    def close_place(self) -> None:
        """Let go of the place; what was unpacked of it is removed."""
        child, self._child = self._child, None
        if child is not None:
            child.stop()
        self.path, self.listed, self.chosen, self.notice = None, (), (), ""
        self.rows.show_found((), (), ())
        self.quick_look.clear()
        self.details.show_series(None)
        self._stack.setCurrentIndex(0)
        self.changed.emit()

    def follow_dates(self, dates: tuple[str, ...]) -> None:
        """Learn the dates of the case's visits; those are not chosen any more."""
        if dates != self._dates:
            self._dates = dates
            by_key = {s.key: s for s in self.listed}
            self._choose(tuple(k for k in self.chosen if by_key[k].acquired not in dates))

    def toggle(self, key: str) -> None:
        """Choose a series for import, or give it up."""
        chosen, notice = toggled(self.listed, self.chosen, key)
        self._choose(chosen, notice)

    def series(self, key: str) -> Listed:
        """Return a series by its key."""
        return next(s for s in self.listed if s.key == key)

    # -- how it is made -------------------------------------------------------------------------

    def _make_hint(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.addStretch(1)
        for each in (emblem(48), words(HINT, "title")):
            column.addWidget(each, 0, Qt.AlignmentFlag.AlignHCenter)
        told = "It may hold anything: patients, visits and phases are told apart."
        column.addWidget(words(told, "muted"), 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return page

    def _make_progress(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.addStretch(1)
        self._progress_said = words("", "heading")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(320)
        self._bar.setAccessibleName("Progress of looking through the images")
        self._stop = button("&Cancel", "Stop looking; no case was changed")
        self._stop.clicked.connect(self.close_place)
        for each in (self._progress_said, self._bar, self._stop):
            column.addWidget(each, 0, Qt.AlignmentFlag.AlignHCenter)
            column.addSpacing(8)
        column.addStretch(1)
        return page

    def _make_content(self) -> QWidget:
        self.tree = Tree("Patients, studies and series found")
        self.tree.setModel(self.filtered)
        self.tree.current.connect(self._show_series)
        self.tree.ticked.connect(self._ticked)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter by patient, description, phase…")
        self.filter.setAccessibleName("Filter the series by text")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(lambda _: self._filter())
        self.modality = choice("Filter the series by modality")
        self.modality.currentIndexChanged.connect(lambda _: self._filter())
        self._title = words("", "heading")
        shut = tool("close", "Close the browser", "Close; no case was changed")
        shut.clicked.connect(self.closed)
        head = QHBoxLayout()
        head.setContentsMargins(12, 6, 8, 6)
        head.addWidget(self._title, 1)
        head.addWidget(shut)
        search = QHBoxLayout()
        search.setContentsMargins(8, 0, 8, 8)
        search.setSpacing(8)
        search.addWidget(self.filter, 3)
        search.addWidget(self.modality, 1)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addLayout(search)
        column.addWidget(self.tree, 1)
        self.details = Details(lambda: self.session.case.organ)
        self.details.stated.connect(self._take_as)
        self.quick_look = QuickLook()
        self.tree.entered_on.connect(lambda: self.quick_look.view.setFocus())
        beside = QSplitter(Qt.Orientation.Vertical)
        beside.addWidget(self.quick_look)
        beside.addWidget(self.details)
        beside.setSizes([420, 260])
        across = QSplitter(Qt.Orientation.Horizontal)
        across.addWidget(left)
        across.addWidget(beside)
        across.setSizes([430, 400])
        for splitter in (beside, across):
            splitter.setChildrenCollapsible(False)
            splitter.setHandleWidth(1)
        return across

    # -- what happens ---------------------------------------------------------------------------

    def _told(self, said: Mapping[str, Any]) -> None:
        part = said["part"]
        if part == "scan":
            self._show_found(said)
        elif part == "thumbnail":
            self.rows.set_picture(said["key"], _picture(said))
        elif part == "slice":
            self.quick_look.show_slice(said)
        elif part == "volume":
            self.quick_look.show_volume(said)
        elif part == "trouble" and said["key"] == self.quick_look.key:
            self.quick_look.clear()
            self.details.show_trouble(said["what"], said["advice"])

    def _show_found(self, said: Mapping[str, Any]) -> None:
        self.listed = tuple(Listed.of(each) for each in said["series"])
        self.rows.show_found(self.listed, said["labels"], said["refused"])
        self.filter.clear()
        self.modality.clear()
        self.modality.addItem("All", "")
        for name in sorted({s.modality for s in self.listed if s.modality}):
            self.modality.addItem(name, name)
        patients = len({s.person for s in self.listed})
        count = f"{len(self.listed)} series of {patients} patient{'s' if patients != 1 else ''}"
        self._title.setText(f"{self.path.name if self.path else ''}  ·  {count}")
        self.tree.expandAll()
        self._stack.setCurrentIndex(2)
        first = first_choice(self.listed, self._dates)
        several = patients > 1 and not first
        self._choose(first, "Several patients: choose one of them, or its series." * several)
        self.tree.setFocus()
        if self.chosen:
            place = self.rows.item_of(self.chosen[0]).index()
            self.tree.setCurrentIndex(self.filtered.mapFromSource(place))

    def _take_as(self, key: str, modality: str) -> None:
        """Take a series whose file says no modality for one, and choose it where it can be."""
        self.listed = tuple(s.taken_as(modality) if s.key == key else s for s in self.listed)
        self.rows.take(self.series(key))
        able = {s.key for s in self.listed if s.may_be_chosen}
        kept = tuple(k for k in self.chosen if k in able and k != key)
        if key in able:
            self._choose(*toggled(self.listed, kept, key))
        else:
            self._choose(kept)
        self._show_series(self.series(key))

    def _choose(self, chosen: tuple[str, ...], notice: str = "") -> None:
        self.chosen, self.notice = chosen, notice
        self.rows.set_chosen(chosen)
        self.changed.emit()

    def _ticked(self, thing: Any) -> None:
        if isinstance(thing, Listed):
            self.toggle(thing.key)
            return
        theirs = {s.key for s in self.listed if s.person == thing}
        gone = bool(theirs & set(self.chosen))
        new = () if gone else choice_of(thing, self.listed, self._dates)
        none = "No series of this patient is chosen by the rule: choose one yourself."
        self._choose(new, "" if gone or new else none)

    def _show_series(self, series: Listed | None) -> None:
        self.details.show_series(series)
        if series is None or series.refusal or self._child is None:
            self.quick_look.clear()
            return
        self.quick_look.expect(series)
        self._child.say({"show": series.key, "whole": True})

    def _filter(self) -> None:
        self.filtered.set_wanted(self.filter.text(), self.modality.currentData() or "")
        self.tree.expandAll()

    def _tell(self, fraction: float, message: str) -> None:
        if self.listed:
            self.quick_look.tell(fraction)
            return
        self._bar.setRange(0, 1000)
        self._bar.setValue(round(1000 * fraction))
        self._bar.setToolTip(tooltip(message))

    def _over(self, child: Child) -> None:
        """The process that looked is gone: by itself, with an error that was told, or killed."""
        if self._child is child:
            self._child = None
            self.close_place()


def _picture(said: Mapping[str, Any]) -> QPixmap:
    grey = unpacked(said)
    rows, columns = grey.shape
    image = QImage(grey.tobytes(), columns, rows, columns, QImage.Format.Format_Grayscale8)
    return QPixmap.fromImage(image)
