"""The list of the browser as it is drawn and moved through: pictures, ticks, grades."""

from __future__ import annotations

from typing import Any, Final, override

from PySide6.QtCore import QModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
)

from organtwin.ui.browser_rows import KIND, THING, Index, facts
from organtwin.ui.choosing import Listed
from organtwin.ui.pieces import Tone
from organtwin.ui.theme import VIEWPORT, colour, font, pixmap

HEIGHTS: Final = {
    "patient": 48, "study": 34, "series": 78, "labels": 26, "group": 40, "refused": 60,
}  # fmt: skip
PICTURE: Final = 64
TICK: Final = 16
GRADES: Final[dict[str, tuple[str, Tone]]] = {
    "good": ("good", "good"),
    "acknowledged": ("acknowledged", "warn"),
    "withheld": ("withheld", "bad"),
    "refused": ("no volume", "plain"),
}
Align = Qt.AlignmentFlag


def tick_box(row: QRect) -> QRect:
    """Return where the tick of a row is drawn."""
    return QRect(row.left() + 10, row.center().y() - TICK // 2, TICK, TICK)


class Drawing(QStyledItemDelegate):
    """Draws each kind of row."""

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the height of a kind of row."""
        return QSize(200, HEIGHTS[index.data(KIND)])

    @override
    def paint(self, painter: QPainter, option: Any, index: Index) -> None:
        """Draw one row."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box, state = QRect(option.rect), option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, colour("accent_soft"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(box, colour("hover", 120))
        elif index.data(KIND) in ("patient", "group"):
            painter.fillRect(box, colour("raised"))
        kind = index.data(KIND)
        if index.flags() & Qt.ItemFlag.ItemIsUserCheckable:
            _draw_tick(painter, tick_box(box), index.data(Qt.ItemDataRole.CheckStateRole))
        if kind == "series":
            _draw_series(painter, box, index, bool(state & QStyle.StateFlag.State_Selected))
        elif kind == "refused":
            _draw_lines(painter, box.adjusted(14, 8, -12, -6), index.data(THING))
        else:
            _draw_heading(painter, box, index)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(colour("accent"), 1))
            painter.drawRect(box.adjusted(0, 0, -1, -1))
        painter.restore()


class Tree(QTreeView):
    """The rows. Arrows move, Space ticks, Return gives the focus to the picture.

    Signals:
        current: the Listed in front (None for other rows), as it changes.
        ticked: the Listed, or the number of the patient, whose tick was pressed.
        entered_on: the picture was asked for.
    """

    current = Signal(object)
    ticked = Signal(object)
    entered_on = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setAccessibleDescription("Arrows move, Space chooses, Return goes to the picture")
        self.setItemDelegate(Drawing(self))
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    @override
    def currentChanged(self, current: Index, previous: Index) -> None:
        """Tell which row is in front."""
        super().currentChanged(current, previous)
        self.current.emit(current.data(THING) if current.data(KIND) == "series" else None)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tick with Space, go to the picture with Return."""
        if event.key() == Qt.Key.Key_Space and self.currentIndex().isValid():
            self._tick(self.currentIndex())
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered_on.emit()
        else:
            super().keyPressEvent(event)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tick where the tick is, else choose the row."""
        super().mousePressEvent(event)
        place = event.position().toPoint()
        index = self.indexAt(place)
        if index.isValid() and tick_box(self.visualRect(index)).adjusted(-8, -24, 8, 24).contains(
            place
        ):
            self._tick(index)

    def _tick(self, index: QModelIndex) -> None:
        if index.flags() & Qt.ItemFlag.ItemIsUserCheckable:
            thing = index.data(THING)
            self.ticked.emit(thing if isinstance(thing, Listed) else thing["person"])


def _draw_tick(painter: QPainter, box: QRect, state: Any) -> None:
    on = Qt.CheckState(state) == Qt.CheckState.Checked
    painter.setPen(QPen(colour("accent" if on else "line_strong"), 1))
    painter.setBrush(colour("accent" if on else "input"))
    painter.drawRoundedRect(box, 4, 4)
    if on:
        painter.drawPixmap(box.topLeft() + QPoint(2, 2), pixmap("check", "on_accent", 12, 1.0))


def _draw_heading(painter: QPainter, box: QRect, index: Index) -> None:
    kind, said = index.data(KIND), index.data(THING)
    ticked = bool(index.flags() & Qt.ItemFlag.ItemIsUserCheckable)
    left = {"patient": 36 if ticked else 12, "group": 12, "study": 12, "labels": 112}[kind]
    box = box.adjusted(left, 0, -12, 0)
    if kind == "labels":
        painter.drawPixmap(box.left() - 22, box.center().y() - 7, pixmap("point", "muted", 14))
    loud = kind != "labels"
    size = 14 if kind == "patient" else 13 if loud else 12
    used = _draw_text(painter, box, said["title"], size=size, bold=loud, token="text")
    _draw_text(painter, box.adjusted(used + 12, 0, 0, 0), said["told"], size=12, token="muted")


def _draw_lines(painter: QPainter, box: QRect, said: Any) -> None:
    """Draw what is refused: the reason, the files, the advice."""
    lines = [
        (said["title"], 13, "text"),
        (said["told"], 12, "muted"),
        (said["advice"], 12, "muted"),
    ]
    lines = [each for each in lines if each[0]]
    for number, (text, size, token) in enumerate(lines):
        line = QRect(box.left(), box.top() + number * 16, box.width(), 16)
        _draw_text(painter, line, _sentence(text), size=size, token=token)


def _draw_series(painter: QPainter, box: QRect, index: Index, chosen: bool) -> None:
    series: Listed = index.data(THING)
    frame = QRect(box.left() + 36, box.top() + 7, PICTURE, PICTURE)
    _draw_picture(painter, frame, index.data(Qt.ItemDataRole.DecorationRole), series)
    left = frame.right() + 12
    line = QRect(left, box.top() + 8, box.right() - 12 - left, 20)
    word, tone = GRADES[series.grade]
    room = 0 if series.grade == "good" else _draw_pill(painter, line, word, tone)
    faded = "muted" if series.refusal else "text"
    title = line.adjusted(0, 0, -room, 0)
    _draw_text(painter, title, series.title, size=13, bold=True, token=faded)
    line.translate(0, 21)
    _draw_text(painter, line, " · ".join(facts(series)), size=12, token="muted")
    line.translate(0, 20)
    findings = series.geometry["findings"]
    if series.refusal:
        _draw_text(painter, line, _sentence(series.refusal), size=12, token="muted")
    elif series.phase:
        why = f": {series.reason}" if chosen and series.reason else ""
        used = _draw_text(painter, line, series.phase, size=12, bold=True, token="accent")
        _draw_text(painter, line.adjusted(used, 0, 0, 0), why, size=12, token="muted")
    elif series.grade == "withheld" and findings:
        _draw_text(painter, line, _sentence(findings[0]), size=12, token="warn")


def _draw_picture(painter: QPainter, frame: QRect, picture: QPixmap | None, of: Listed) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour("raised") if of.refusal else QColor(VIEWPORT))
    painter.drawRoundedRect(frame, 4, 4)
    if picture is not None and not picture.isNull():
        fitted = picture.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(QPoint(0, 0), fitted)
        place.moveCenter(frame.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(place, picture)
    elif of.refusal:
        middle = frame.center() - QPoint(10, 10)
        painter.drawPixmap(middle, pixmap("eye-off", "faint", 20))


def _draw_pill(painter: QPainter, line: QRect, text: str, tone: Tone) -> int:
    """Draw a grade at the right end; returns the width it took with its margin."""
    shown = font(11, bold=True)
    width = QFontMetrics(shown).horizontalAdvance(text) + 16
    box = QRect(line.right() - width, line.top() + 1, width, 18)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour("raised" if tone == "plain" else f"{tone}_soft"))
    painter.drawRoundedRect(box, 8, 8)
    painter.setFont(shown)
    painter.setPen(colour("muted" if tone == "plain" else tone))
    painter.drawText(box, Align.AlignCenter, text)
    return width + 8


def _draw_text(
    painter: QPainter, box: QRect, text: str, *, size: int, token: str, bold: bool = False
) -> int:
    """Draw one line, cut with an ellipsis where it is too long; returns its width."""
    shown = font(size, bold=bold)
    metrics = QFontMetrics(shown)
    cut = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(box.width(), 0))
    painter.setFont(shown)
    painter.setPen(colour(token))
    painter.drawText(box, Align.AlignVCenter | Align.AlignLeft, cut)
    return metrics.horizontalAdvance(cut)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
