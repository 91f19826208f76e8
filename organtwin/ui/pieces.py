"""Small pieces every page is made of: words, buttons, cards, tables; all with accessible names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin.ui.theme import colour, icon, pixmap
from organtwin.ui.tips import tooltip

Tone = Literal["good", "warn", "bad", "plain"]


def words(text: str, role: str = "", *, wrap: bool = False) -> QLabel:
    """Return a label of a role of the style sheet."""
    label = _label(text)
    if role:
        label.setProperty("role", role)
    if wrap:
        label.setWordWrap(True)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        label.setSizePolicy(policy)
        label.setMinimumWidth(120)
    else:
        label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
    return label


def _label(text: str) -> QLabel:
    """Return a label that shows its text, never takes it for HTML."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    return label


def pill(text: str, tone: Tone = "plain") -> QLabel:
    """Return a small rounded label."""
    label = _label(text)
    label.setProperty("pill", tone)
    label.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
    return label


def button(text: str, tip: str, *, primary: bool = False, picture: str = "") -> QPushButton:
    """Return a button; `text` may hold a mnemonic (&)."""
    result = QPushButton(text)
    result.setToolTip(tooltip(tip))
    result.setAccessibleName(text.replace("&", ""))
    result.setAccessibleDescription(tip)
    result.setProperty("primary", primary)
    result.setCursor(Qt.CursorShape.PointingHandCursor)
    if picture:
        result.setProperty("picture", picture)
        dress(result)
    return result


def dress(shown: QAbstractButton) -> None:
    """Draw a button's icon in the colours in use."""
    token = "on_accent" if shown.property("primary") else "text"
    shown.setIcon(icon(str(shown.property("picture")), token))


def choice(name: str) -> QComboBox:
    """Return an empty list to choose from, never wider than its column."""
    result = QComboBox()
    result.setAccessibleName(name)
    result.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    result.setMinimumContentsLength(8)
    result.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return result


def tool(picture: str, name: str, tip: str = "") -> QToolButton:
    """Return an icon button."""
    result = QToolButton()
    result.setProperty("picture", picture)
    dress(result)
    result.setIconSize(QSize(18, 18))
    result.setAccessibleName(name)
    result.setToolTip(tooltip(tip or name))
    return result


def emblem(pixels: int) -> QLabel:
    """Return the logo; `redraw_emblem` draws it in other colours."""
    label = QLabel()
    label.setProperty("emblem", pixels)
    redraw_emblem(label)
    return label


def redraw_emblem(label: QLabel) -> None:
    """Draw a logo in the colours in use."""
    label.setPixmap(pixmap("logo", "accent", int(label.property("emblem")), 2.0))


def redress(top: QWidget) -> None:
    """Draw every icon and logo below a widget in the colours in use."""
    for each in top.findChildren(QAbstractButton):
        if each.property("picture"):
            dress(each)
    for label in top.findChildren(QLabel):
        if label.property("emblem"):
            redraw_emblem(label)


def card(*rows: QWidget | QLayout, tone: str = "true") -> QFrame:
    """Return a framed column of things."""
    frame = QFrame()
    frame.setProperty("card", tone)
    frame.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
    column = QVBoxLayout(frame)
    column.setContentsMargins(12, 12, 12, 12)
    column.setSpacing(8)
    for row in rows:
        if isinstance(row, QWidget):
            column.addWidget(row)
        else:
            column.addLayout(row)
    return frame


def side_by_side(*things: QWidget, stretch: int | None = None) -> QHBoxLayout:
    """Return things in a row; `stretch` is the number of the one that grows."""
    row = QHBoxLayout()
    row.setSpacing(8)
    for number, thing in enumerate(things):
        row.addWidget(thing, 1 if stretch == number else 0)
    if stretch is None:
        row.addStretch(1)
    return row


def line() -> QFrame:
    """Return a thin horizontal line."""
    frame = QFrame()
    frame.setProperty("line", True)
    return frame


class Table(QTableWidget):
    """Rows of text: first column to the left, numbers to the right, as high as its rows."""

    def __init__(self, name: str, columns: Sequence[str], *, limit_rows: int = 0) -> None:
        super().__init__(0, len(columns))
        self.setAccessibleName(name)
        self.setHorizontalHeaderLabels(list(columns))
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setAlternatingRowColors(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.verticalHeader().setDefaultSectionSize(30)
        self.verticalHeader().setMinimumSectionSize(24)
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._limit_rows = limit_rows

    def fill(self, rows: Sequence[Sequence[str]], tips: Sequence[str] = ()) -> None:
        """Show rows of text; `tips` has one tooltip a row."""
        self.setRowCount(len(rows))
        for i, row in enumerate(rows):
            for j, text in enumerate(row):
                item = QTableWidgetItem(text)
                side = Qt.AlignmentFlag.AlignLeft if j == 0 else Qt.AlignmentFlag.AlignRight
                item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                item.setToolTip(tooltip(tips[i] if i < len(tips) else text))
                self.setItem(i, j, item)
        for j in range(1, self.columnCount()):
            head = self.horizontalHeaderItem(j)
            if head is not None:
                head.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.fit()

    def warn(self, rows: Iterable[int]) -> None:
        """Show rows in amber."""
        for i in rows:
            for j in range(self.columnCount()):
                if (item := self.item(i, j)) is not None:
                    item.setForeground(QColor(colour("warn")))

    def _items(self) -> list[QTableWidgetItem]:
        cells = (self.item(i, j) for i in range(self.rowCount()) for j in range(self.columnCount()))
        return [cell for cell in cells if cell is not None]

    def fit(self) -> None:
        """Make the table as high as its rows (or as `limit_rows` of them)."""
        count = self.rowCount()
        shown = min(count, self._limit_rows) if self._limit_rows else count
        if any("\n" in item.text() for item in self._items()):
            self.resizeRowsToContents()
        heights = sum(self.rowHeight(i) for i in range(shown)) or 30
        self.setFixedHeight(heights + self.horizontalHeader().sizeHint().height() + 6)


def figure(value: str, label: str, role: str = "figure") -> QWidget:
    """Return a large number over its name."""
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(words(value, role))
    column.addWidget(words(label, "muted"))
    return box


def recolour(widget: QWidget, role: str) -> None:
    """Show words in another role."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().polish(widget)


def cleared(layout: QLayout) -> None:
    """Take everything out of a layout."""
    while layout.count():
        item = layout.takeAt(0)
        if item is None:
            return
        widget = item.widget()
        inner = item.layout()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
        elif inner is not None:
            cleared(inner)
