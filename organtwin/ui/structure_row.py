"""One structure in the list: colour, number, name, volume, how far it is, whether it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, override

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QIcon, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSizePolicy, QToolButton

from organtwin.core.case import Work, WorkState
from organtwin.core.labelmap import Structure
from organtwin.ui.pieces import dress, tool, words
from organtwin.ui.theme import icon
from organtwin.ui.tips import tooltip

PICTURES: Final[dict[WorkState, str]] = {
    "not started": "state-none",
    "carried": "state-carried",
    "in progress": "state-progress",
    "done": "state-done",
    "reviewed": "state-reviewed",
}
NUMBERED: Final = 9
BESIDE_PX: Final = 24
MIDDLE: Final = Qt.TextElideMode.ElideMiddle


class StructureRow(QFrame):
    """Shows one structure; what is clicked is told to the callables of its list.

    `name` chooses the structure, `state` marks it, `eye` shows and hides it.
    """

    def __init__(self, structure: Structure, number: int) -> None:
        super().__init__()
        self.structure = structure
        self.name = _Name(structure.name)
        self.name.setCheckable(True)
        self.name.setProperty("structure", True)
        self.name.setIcon(swatch(structure.colour))
        self.name.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.name.setAccessibleName(f"Work on {structure.name}")
        key = f" (key {number} in the pictures while a tool is in hand)"
        term = f"{structure.code.meaning} ({structure.code.scheme} {structure.code.value})"
        within = f"\nLies within {structure.within}" if structure.within else ""
        told = (
            f"{structure.name}: {term}{within}\nClick: work on it. Drag: draw it earlier or later"
        )
        self.name.setToolTip(tooltip(told + (key if number <= NUMBERED else "")))
        self.volume = words("", "muted")
        self.volume.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.state = tool("state-none", "", "")
        self.state.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.look = tool("warning", f"Look at {structure.name}")
        self.look.hide()
        self.eye = tool("eye", f"Show {structure.name}")
        self.hidden = False
        for small in (self.look, self.state, self.eye):
            small.setIconSize(QSize(16, 16))
            small.setFixedSize(24, 24)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 2, 0)
        line.setSpacing(2)
        line.addWidget(self.name, 1)
        line.addSpacing(4)
        for thing in (self.look, self.volume, self.state, self.eye):
            line.addWidget(thing)

    def show_work(self, work: Work) -> None:
        """Show how far it is."""
        said = f"{work.state} by {work.who}" if work.who else work.state
        said = "carried from another visit, not measured" if said == "carried" else said
        self.state.setProperty("picture", PICTURES[work.state])
        dress(self.state)
        self.state.setAccessibleName(f"{self.structure.name}: {said}")
        tip = "Click: in progress, done. Right click: all states, and reviewed by you"
        self.state.setToolTip(tooltip(f"{said[:1].upper()}{said[1:]}\n{tip}"))

    def show_doubts(self, said: Sequence[str]) -> None:
        """Show that there is something to look at: remarks of a method, a review that ended."""
        self.look.setVisible(bool(said))
        self.look.setIcon(icon("warning", "warn"))
        told = "; ".join(said)
        self.look.setAccessibleName(f"{self.structure.name}: {told}")
        self.look.setToolTip(tooltip("\n".join((*said, "Click: go there"))))

    def show_volume(self, said: str, tip: str) -> None:
        """Show its volume."""
        self.volume.setText(said)
        self.volume.setToolTip(tooltip(tip))
        self.name.setAccessibleDescription(said)

    def show_hidden(self, hidden: bool) -> None:
        """Show whether it is drawn."""
        self.hidden = hidden
        self.eye.setProperty("picture", "eye-off" if hidden else "eye")
        dress(self.eye)
        said = f"{'Show' if hidden else 'Hide'} {self.structure.name}"
        self.eye.setAccessibleName(said)
        self.eye.setToolTip(tooltip(said))

    def ask_state(self, who: str, chosen: Callable[[WorkState], None], at: QPoint) -> QMenu:
        """Open the list of all states."""
        menu = QMenu(self)
        menu.setAccessibleName(f"How far {self.structure.name} is")
        for state, picture in PICTURES.items():
            if state == "carried":  # only `propagate` says so
                continue
            text = f"Reviewed by {who}" if state == "reviewed" else state[:1].upper() + state[1:]
            button = tool(picture, text)
            action = menu.addAction(button.icon(), text)
            action.triggered.connect(lambda _=False, state=state: chosen(state))
            button.deleteLater()
        menu.popup(self.state.mapToGlobal(at))
        return menu


class _Name(QToolButton):
    """A button whose words are shortened where there is no room for them."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words
        self.setText(words)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the words beside the swatch."""
        super().resizeEvent(event)
        bold = QFont(self.font())
        bold.setBold(True)  # as it is once chosen
        room = self.width() - self.iconSize().width() - BESIDE_PX
        self.setText(QFontMetrics(bold).elidedText(self._words, MIDDLE, room))


def in_ml(volume: float, unsure: float | None = None) -> str:
    """Return a volume in mL, with what may be wrong of it."""
    if volume == 0.0:
        return "empty"
    said = f"{volume:,.1f}" if unsure is None else f"{volume:,.1f} ± {unsure:,.1f}"
    return f"{said} mL".replace(",", " ")


def swatch(colour: tuple[float, float, float]) -> QIcon:
    """Return a rounded square of a colour."""
    picture = QPixmap(28, 28)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor.fromRgbF(*colour))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(2, 2, 24, 24, 7, 7)
    painter.end()
    picture.setDevicePixelRatio(2.0)
    return QIcon(picture)
