"""SeedName: the structure that the next seed belongs to, chosen from a list or typed."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QSizePolicy

from organtwin.core.errors import BadArgument
from organtwin.core.names import BACKGROUND, NAME_LIMIT, checked_name
from organtwin.ui.tips import tooltip

TIP = "Structure that the next seed belongs to: choose, or type another name (Ctrl: background)"


class SeedName(QComboBox):
    """A list of names in which another can be typed; `name` is always one that may be.

    Signals:
        named: another name is chosen.
        refused: why what was typed is no name.
    """

    named = Signal(str)
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.name = ""
        self._own: list[str] = []
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setAccessibleName("Structure of the next seed")
        self.setToolTip(tooltip(TIP))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(8)
        line = self.lineEdit()
        if line is not None:
            line.setMaxLength(NAME_LIMIT)
            line.editingFinished.connect(self._typed)
        completer = self.completer()
        if completer is not None:  # "Liver" typed shall not pass for "liver" unseen
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseSensitive)
            completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.currentTextChanged.connect(self._chosen)

    def offer(self, names: Iterable[str], otherwise: str) -> None:
        """Offer names and those typed; `otherwise` is chosen where the one chosen is none."""
        known = [*dict.fromkeys([*names, *self._own]), BACKGROUND]
        if [self.itemText(n) for n in range(self.count())] != known:
            blocked = QSignalBlocker(self)
            self.clear()
            self.addItems(known)
            blocked.unblock()
        self._take(self.name if self.name in known else otherwise)

    def _chosen(self, text: str) -> None:
        if self.findText(text, Qt.MatchFlag.MatchExactly) >= 0:  # else it is being typed
            self._take(text)

    def _typed(self) -> None:
        name = self.currentText().strip()
        known = [self.itemText(n) for n in range(self.count())]
        if name not in known:
            try:
                checked_name(name, known, where="seeds")
            except BadArgument as error:
                self.setCurrentText(self.name)
                self.refused.emit("; ".join(filter(None, (error.what, error.advice))))
                return
            self._own.append(name)
            self.insertItem(self.count() - 1, name)
        self._take(name)

    def _take(self, name: str) -> None:
        blocked = QSignalBlocker(self)
        self.setCurrentIndex(self.findText(name, Qt.MatchFlag.MatchExactly))
        blocked.unblock()
        if name != self.name:
            self.name = name
            self.named.emit(name)
