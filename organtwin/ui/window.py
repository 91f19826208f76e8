"""MainWindow: the river at the left, its page's controls, pictures, timeline, status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QMainWindow,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin.core.errors import OrganTwinError
from organtwin.ui import theme
from organtwin.ui.dropping import Dropping
from organtwin.ui.pages import pages
from organtwin.ui.pages.import_page import ImportPage
from organtwin.ui.pages.page import Page
from organtwin.ui.pieces import emblem, redress, words
from organtwin.ui.rail import Rail
from organtwin.ui.session import Session
from organtwin.ui.showing import Showing
from organtwin.ui.stage import Stage
from organtwin.ui.status import StatusBar
from organtwin.ui.tips import tooltip
from organtwin.ui.trouble import Trouble, show_trouble
from organtwin.ui.undoing import take_back, would_undo
from organtwin.ui.views.timeline import Timeline
from organtwin.ui.welcome import SAMPLE, Welcome, cases_folder, free_folder

PANEL_WIDTH = 372
TIMELINE_HEIGHT = 168


class MainWindow(QMainWindow):
    """The whole window; `session` is the one door to work."""

    def __init__(self, session: Session | None = None) -> None:
        super().__init__()
        self.setWindowTitle("OrganTwin")
        self.setWindowIcon(theme.icon("logo", "accent"))
        self.setMinimumSize(1024, 680)
        self.session = session or Session(self)
        self.showing = Showing(self.session, self)
        self.stage = Stage(self.showing)
        self.timeline = Timeline()
        self.pages: list[Page] = [page(self.session, self.showing) for page in pages()]
        self._importing = next(page for page in self.pages if isinstance(page, ImportPage))
        self.rail = Rail(self.pages)
        self.welcome = Welcome()
        self.status = StatusBar(self.session)
        self._current = -1
        self._only_looking = False
        self._actions = self._make_actions()
        self._lay_out()
        self._connect()
        self._follow_case()

    # -- what the outside asks ------------------------------------------------------------------

    def open_case(self, path: Path) -> bool:
        """Open a case folder; an error is shown."""
        return self.session.open(path)

    def open_sample(self, path: Path | None = None) -> None:
        """Open the sample patient's case, made and imported when it is not there yet."""
        where = path or cases_folder() / "sample-patient"
        if (where / "journal.sqlite").is_file():
            there = self.session.open(where)
        else:
            there = self.session.create(where, "Sample patient")
        if there and not self.session.case.visits:
            self.session.do("import", {"path": str(SAMPLE)})

    def look_at(self, path: Path) -> None:
        """Look through a folder, zip, DICOMDIR or file; a case folder is opened."""
        if (path / "journal.sqlite").is_file():
            self.open_case(path)
            return
        self._only_looking = not self.session.is_open
        self._follow_case()
        self.choose_page("import")
        self._importing.scan(str(path))

    def choose_page(self, name: str) -> None:
        """Bring a page to the front."""
        for number, page in enumerate(self.pages):
            if page.name == name:
                self._choose(number)

    def page(self, name: str) -> Page:
        """Return a page by name."""
        return next(page for page in self.pages if page.name == name)

    def set_scheme(self, scheme: theme.Scheme) -> None:
        """Dress the window in light or dark."""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, scheme)
        for action, picture in self._pictures:
            action.setIcon(theme.icon(picture))
        redress(self)
        if self._current >= 0 and self.session.is_open:
            self.pages[self._current].refresh()

    def closeEvent(self, event: QCloseEvent) -> None:
        """End what runs, let the case go."""
        self.session.close()
        super().closeEvent(event)

    # -- how it is made -------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self._panels = QStackedWidget()
        for page in self.pages:
            self._panels.addWidget(page)
        self._panels.setMinimumWidth(320)
        self._middle = QSplitter(Qt.Orientation.Vertical)
        self._middle.addWidget(self.stage)
        bottom = QWidget()
        bottom.setObjectName("Bottom")
        bottom.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(bottom)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.timeline)
        self._bottom = bottom
        self._middle.addWidget(bottom)
        self._middle.setStretchFactor(0, 1)
        self._middle.setChildrenCollapsible(False)
        self._across = QSplitter(Qt.Orientation.Horizontal)
        self._across.addWidget(self._panels)
        self._across.addWidget(self._middle)
        self._across.setStretchFactor(1, 1)
        self._across.setChildrenCollapsible(False)
        for splitter in (self._middle, self._across):
            splitter.setHandleWidth(1)
        work = QWidget()
        row = QHBoxLayout(work)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addWidget(self._across, 1)
        self._whole = QStackedWidget()
        self._whole.addWidget(self.welcome)
        self._whole.addWidget(work)
        ground = QWidget()
        ground.setObjectName("Ground")
        column = QVBoxLayout(ground)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._top_bar())
        column.addWidget(self._whole, 1)
        column.addWidget(self.status)
        self.setCentralWidget(ground)
        self._across.setSizes([PANEL_WIDTH, 1200])
        self._middle.setSizes([800, TIMELINE_HEIGHT])

    def _top_bar(self) -> QWidget:
        bar = QWidget()
        bar.setObjectName("TopBar")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        bar.setFixedHeight(48)
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(8)
        sign = emblem(26)
        self._patient = words("OrganTwin", "heading")
        self._where = words("", "muted")
        row.addWidget(sign)
        row.addWidget(self._patient)
        row.addSpacing(4)
        row.addWidget(self._where, 1)
        badge = words("For research use only")
        badge.setObjectName("ResearchBadge")
        badge.setToolTip("Not a medical device; no result may guide the care of a patient.")
        badge.setFixedHeight(26)
        row.addWidget(badge)
        row.addSpacing(8)
        for name in ("undo", "redo", "home", "theme"):
            each = QToolButton()
            each.setDefaultAction(self._actions[name])
            each.setIconSize(QSize(18, 18))
            each.setAccessibleName(self._actions[name].text().replace("&", ""))
            row.addWidget(each)
        return bar

    def _make_actions(self) -> dict[str, QAction]:
        self._pictures: list[tuple[QAction, str]] = []
        undo, redo = QKeySequence("Ctrl+Z"), QKeySequence("Ctrl+Shift+Z")

        def back() -> None:
            take_back(self.session, self.showing.viewing.hand)

        def other() -> None:
            self.set_scheme("light" if theme.scheme() == "dark" else "dark")

        made = {
            "undo": self._action("Undo", "undo", undo, back),
            "redo": self._action("Redo", "redo", redo, self.session.redo),
            "home": self._action("All cases", "home", QKeySequence("Ctrl+Home"), self._go_home),
            "theme": self._action("Light or dark", "theme", QKeySequence("Ctrl+Shift+L"), other),
            "quit": self._action("Quit", "close", QKeySequence("Ctrl+Q"), self.close),
        }
        made["redo"].setShortcuts([redo, QKeySequence("Ctrl+Y")])
        return made

    def _action(
        self, text: str, picture: str, keys: QKeySequence, run: Callable[[], object]
    ) -> QAction:
        action = QAction(theme.icon(picture), text, self)
        action.setShortcut(keys)
        action.setToolTip(tooltip(f"{text} ({keys.toString()})"))
        action.triggered.connect(lambda: run())
        self.addAction(action)
        self._pictures.append((action, picture))
        return action

    def _connect(self) -> None:
        self.rail.chosen.connect(self._choose)
        session, known = self.session, self.showing.reviewing
        for signal in (session.case_changed, session.busy_changed, known.changed):
            signal.connect(self._follow_case)
        self.session.failed.connect(self._show_trouble)
        self.timeline.visit_chosen.connect(self.showing.choose_visit)
        self.showing.visit_changed.connect(self.timeline.choose)
        self.welcome.sample_asked.connect(lambda: self.open_sample())
        self.welcome.create_asked.connect(self.session.create)
        self.welcome.open_asked.connect(self.session.open)
        self.welcome.look_asked.connect(self.look_at)
        drops = Dropping(self)
        drops.dropped.connect(self.look_at)
        drops.refused.connect(self._show_trouble)
        self._importing.make_asked.connect(self._make_case)
        for page in self.pages:
            page.pictures_changed.connect(self._show_pictures)

    # -- what happens ---------------------------------------------------------------------------

    def _choose(self, number: int) -> None:
        if number == self._current:
            self.rail.choose(number)
            return
        if self._current >= 0:
            self.pages[self._current].left()
        self._current = number
        self.rail.choose(number)
        page = self.pages[number]
        self._panels.setCurrentWidget(page)
        page.entered()
        self._show_pictures()

    def _show_pictures(self) -> None:
        """Show the pictures of the page in front."""
        page = self.pages[max(self._current, 0)]
        self.stage.show_page(page)
        self._bottom.setVisible(page.with_timeline)

    def _follow_case(self, _: object = None) -> None:
        session = self.session
        self._only_looking &= not session.is_open
        self._whole.setCurrentIndex(1 if session.is_open or self._only_looking else 0)
        self._actions["home"].setEnabled(session.is_open or self._only_looking)
        self.rail.allow(None if session.is_open else "Import")
        self._actions["undo"].setEnabled(session.can_undo)
        self._actions["redo"].setEnabled(session.can_redo)
        self._actions["undo"].setToolTip(tooltip(f"{would_undo(session)} (Ctrl+Z)"))
        if not session.is_open:
            self._patient.setText("Quick look" if self._only_looking else "OrganTwin")
            self._where.setText("nothing is stored" if self._only_looking else "")
            return
        case = session.case
        self._patient.setText(case.patient)
        counted = f"{len(case.visits)} visit{'s' * (len(case.visits) != 1)}"
        self._where.setText(f"{case.organ} · {counted} · {len(session.entries)} journal entries")
        self._where.setToolTip(tooltip(str(session.folder.path)))
        for button, page in zip(self.rail.buttons, self.pages, strict=True):
            button.set_state(*page.standing())
        try:
            self.timeline.show_tracks(self.showing.stops(), self.showing.tracks())
        except OrganTwinError as error:
            self._show_trouble(Trouble.of(error))
        if self._current < 0:
            self._choose(0)

    def _go_home(self) -> None:
        if not self.session.busy:
            self._only_looking = False
            self.session.close()
            self.session.case_changed.emit()

    def _make_case(self, pseudonym: str) -> None:
        """Make a case of what is looked at."""
        if self.session.create(free_folder(pseudonym), pseudonym):
            self._importing.import_chosen()

    def _show_trouble(self, trouble: Trouble) -> None:
        told = trouble.worded(self.session.case.visits)
        self.status.say(f"{told.title}: {told.what}")
        show_trouble(told, self)
