"""What may be dropped on the window, and the hint that shows where."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import override

from PySide6.QtCore import QEvent, QMimeData, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QDropEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from organtwin.core.errors import BadInput, OrganTwinError
from organtwin.ui.theme import colour, font
from organtwin.ui.trouble import Trouble


def place_of(dropped: QMimeData) -> Path:
    """Return the one place that was dropped; several files stand for their folder.

    Raises:
        BadInput: nothing that lies on this computer, or several folders.
    """
    urls = dropped.urls()
    if not urls or not all(url.isLocalFile() for url in urls):
        raise BadInput(
            "only files and folders of this computer can be dropped",
            advice="save them here first",
        )
    return _one([Path(url.toLocalFile()) for url in urls])


def _one(paths: Sequence[Path]) -> Path:
    if len(paths) == 1:
        return paths[0]
    if len({path.parent for path in paths}) == 1 and not any(path.is_dir() for path in paths):
        return paths[0].parent
    raise BadInput(
        f"{len(paths)} things were dropped at once",
        advice="drop one folder, zip or DICOMDIR, or the folder that holds them all",
    )


class Dropping(QWidget):
    """Takes drops anywhere on a window; says over all of it, while something is held, what for.

    Signals:
        dropped: the Path to look at.
        refused: a Trouble.
    """

    dropped = Signal(object)
    refused = Signal(object)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow what is dragged over the window."""
        if isinstance(event, QDropEvent):
            return self._follow(event)
        if event.type() == QEvent.Type.DragLeave:
            self.hide()
        return False

    def _follow(self, event: QDropEvent) -> bool:
        """Take an event of a drag (entering and moving are drops in Qt's tree of classes)."""
        if not event.mimeData().hasUrls():
            return False
        event.acceptProposedAction()
        if event.type() == QEvent.Type.DragEnter:
            self._cover()
        elif event.type() == QEvent.Type.Drop:
            self.hide()
            self._drop(event.mimeData())
        return True

    def _drop(self, dropped: QMimeData) -> None:
        try:
            place = place_of(dropped)
        except OrganTwinError as error:
            self.refused.emit(Trouble.of(error))
        else:
            self.dropped.emit(place)

    def _cover(self) -> None:
        """Appear over everything."""
        self.setGeometry(self._window.rect())
        self.raise_()
        self.show()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw a frame and what will happen."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), colour("ground", 248))
        painter.setPen(QPen(colour("accent"), 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(24, 24, -24, -24), 16, 16)
        painter.setPen(colour("text"))
        painter.setFont(font(20, bold=True))
        middle = self.rect().adjusted(0, -20, 0, -20)
        painter.drawText(middle, Qt.AlignmentFlag.AlignCenter, "Drop to look at the images")
        painter.setPen(colour("muted"))
        painter.setFont(font(13))
        below = self.rect().adjusted(0, 24, 0, 24)
        said = "A folder, a zip or a DICOMDIR; nothing enters a case until you import"
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, said)
        painter.end()
