"""Start of the window: the application, its look, and a picture of it for documents."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from organtwin.ui import theme
from organtwin.ui.child import Child
from organtwin.ui.trouble import Trouble
from organtwin.ui.views.vtk_view import VtkView
from organtwin.ui.window import MainWindow

PICTURE_LIMIT_MS = 180_000


def application(arguments: Sequence[str] = ()) -> QApplication:
    """Return the application, made and dressed when there is none.

    On Wayland Qt talks to X (xcb) unless told otherwise by QT_QPA_PLATFORM.
    """
    if os.environ.get("WAYLAND_DISPLAY") and os.environ.get("DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "xcb")
    there = QApplication.instance()
    app = there if isinstance(there, QApplication) else QApplication([sys.argv[0], *arguments])
    app.setApplicationName("OrganTwin")
    app.setDesktopFileName("organtwin")
    return app


def run(
    case: Path | None,
    *,
    sample: bool,
    page: str,
    scheme: theme.Scheme,
    size: tuple[int, int],
    screenshot: Path | None,
) -> int:
    """Open the window and stay until it is closed (or its picture is taken)."""
    app = application()
    theme.apply(app, scheme)
    window = MainWindow()
    width, height = size
    screen = app.primaryScreen().availableGeometry()
    window.resize(min(width, screen.width()), min(height, screen.height()))
    sys.excepthook = lambda *caught: _last_door(window, caught[1])
    window.show()
    if sample:
        window.open_sample(case)
    elif case is not None:
        window.open_case(case)
    if page:
        window.choose_page(page)
    photographer = _Photographer(window, screenshot) if screenshot is not None else None
    if photographer is not None:
        photographer.begin()
    return int(app.exec())


def _last_door(window: MainWindow, error: BaseException) -> None:
    """Show what no one else caught; the window lives on."""
    if isinstance(error, KeyboardInterrupt):
        window.close()
        return
    sys.__excepthook__(type(error), error, error.__traceback__)
    window.session.failed.emit(Trouble.of(error))


class _Photographer:
    """Waits until nothing is under way and every picture is drawn, then saves the window."""

    def __init__(self, window: MainWindow, path: Path) -> None:
        self._window, self._path = window, path
        self._calm = 0
        self._waited_ms = 0
        self._timer = QTimer(window, interval=150)
        self._timer.timeout.connect(self._look)

    def begin(self) -> None:
        """Start waiting."""
        self._timer.start()

    def _look(self) -> None:
        self._waited_ms += self._timer.interval()
        views = [v for v in self._window.findChildren(VtkView) if v.isVisible()]
        quiet = not self._window.session.busy and all(view.drawn for view in views)
        quiet = quiet and not any(child.working for child in self._window.findChildren(Child))
        self._calm = self._calm + 1 if quiet else 0
        if self._calm < 6 and self._waited_ms < PICTURE_LIMIT_MS:
            return
        self._timer.stop()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        saved = self._window.grab().save(str(self._path))
        self._window.close()
        QApplication.exit(0 if saved and self._calm >= 6 else 1)
