"""PlanPictures: scenarios side by side in 3D over the table of the same numbers."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QSplitter, QTableWidgetItem, QWidget

from organtwin.core.scenario import Comparison, Quantity
from organtwin.ui.pieces import Table
from organtwin.ui.theme import colour
from organtwin.ui.tips import tooltip
from organtwin.ui.views.compare_view import CompareView


class PlanPictures(QSplitter):
    """Views above, table below; the columns of both are the scenarios."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self.setHandleWidth(1)
        self.setChildrenCollapsible(False)
        self.views = CompareView()
        self.table = Table("Scenarios compared", ("Quantity",))
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setStyleSheet("QTableView { border: none; border-radius: 0; font-size: 12px; }")
        self.table.setWordWrap(True)
        head = self.table.horizontalHeader()
        head.sectionResized.connect(lambda *_: self.table.resizeRowsToContents())
        self.addWidget(self.views)
        self.addWidget(self.table)
        self.setStretchFactor(0, 3)
        self.setStretchFactor(1, 2)
        self.setSizes([420, 260])
        self.table.hide()

    def show_table(self, comparison: Comparison | None) -> None:
        """Show the numbers of a comparison (None: hide the table)."""
        self.table.setVisible(comparison is not None)
        if comparison is None:
            return
        names = [outcome.scenario.name for outcome in comparison.outcomes]
        table = self.table
        table.setColumnCount(len(names) + 1)
        table.setHorizontalHeaderLabels(["", *(name[:1].upper() + name[1:] for name in names)])
        cells: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for column, outcome in enumerate(comparison.outcomes):
            for quantity in outcome.quantities:
                key = (quantity.name, quantity.structure)
                row = cells.setdefault(key, [("–", "")] * len(names))
                row[column] = (quantity_text(quantity), quantity.basis)
        table.setRowCount(len(cells))
        for i, ((name, structure), row) in enumerate(cells.items()):
            table.setItem(i, 0, _cell(f"{name[:1].upper()}{name[1:]}, {structure}", "", "muted"))
            for j, (text, basis) in enumerate(row):
                table.setItem(i, j + 1, _cell(text, basis, "faint" if text == "–" else "text"))
        head = table.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        table.setMinimumHeight(120)
        table.setMaximumHeight(16_777_215)


def quantity_text(quantity: Quantity) -> str:
    """Return a number with its unit and, where there is one, its interval, rounded alike."""
    size = max(abs(quantity.value), abs(quantity.high or 0.0))
    places = 0 if size >= 100 else 1 if size >= 10 else 2
    unit = "" if quantity.unit == "1" else f" {quantity.unit}"
    if float(quantity.value).is_integer() and quantity.low is None:
        places = 0
    unseen = quantity.nothing_seen
    text = unseen or f"{quantity.value:.{places}f}{unit}"
    if quantity.low is None or quantity.high is None or quantity.low == quantity.high:
        return text
    level = "" if quantity.level is None else f"{100 * quantity.level:g} %: "
    if unseen:
        return f"{text}  ({level}up to {quantity.high:.{places}f}{unit})"
    return f"{text}  ({level}{quantity.low:.{places}f} to {quantity.high:.{places}f})"


def _cell(text: str, tip: str, token: str) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setToolTip(tooltip(tip or text))
    item.setForeground(QColor(colour(token)))
    return item
