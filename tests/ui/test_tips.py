import ast
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from pytestqt.qtbot import QtBot

import organtwin.ui
from organtwin.ui.browser_rows import Rows
from organtwin.ui.pieces import Table, pill, words
from organtwin.ui.tips import tooltip

EVIL = "<img src='file:///etc/hostname'>&amp;<b>bold</b>"
SOURCES = sorted(Path(organtwin.ui.__file__).parent.rglob("*.py"))


def shown(tip: str) -> str:
    """Return what a person reads in a tooltip, which Qt is told to take for HTML."""
    assert tip.startswith("<qt>")
    document = QTextDocument()
    document.setHtml(tip)
    return document.toPlainText()


@pytest.mark.parametrize("text", [EVIL, f"two\n{EVIL}", "plain", "a < b & c"])
def test_that_a_tooltip_shows_html_letter_by_letter(text: str) -> None:
    assert shown(tooltip(text)) == text


def test_that_a_tooltip_spells_what_turns_text() -> None:
    assert shown(tooltip("a\u202eb")) == r"a\u202eb"


def test_that_foreign_names_are_text_in_the_browser(qtbot: QtBot) -> None:
    rows, table = Rows(), Table("Names", ["name"])
    qtbot.addWidget(table)
    rows.show_found(
        [],
        [{"path": "a", "kind": "RTSTRUCT", "names": [EVIL], "series_uid": "1"}],
        [{"path": EVIL.replace("/", ""), "reason": "not read", "advice": ""}],
    )
    refused = rows.item(1).child(0)
    table.fill([[EVIL]])
    cell = table.item(0, 0)
    assert cell is not None
    assert (shown(refused.toolTip()), shown(cell.toolTip())) == (EVIL.replace("/", ""), EVIL)


@pytest.mark.parametrize("make", [words, pill])
def test_that_labels_never_guess_html(qtbot: QtBot, make: type) -> None:
    label = make(EVIL)
    qtbot.addWidget(label)
    assert label.textFormat() == Qt.TextFormat.PlainText


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_that_every_tooltip_is_made_by_one_function(source: Path) -> None:
    for call in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            if call.func.attr == "setToolTip":
                assert _is_safe(call.args[0]), f"{source.name}:{call.lineno}"
            elif "ToolTipRole" in ast.unparse(call) and call.func.attr == "setItemData":
                assert _is_safe(call.args[1]), f"{source.name}:{call.lineno}"
            elif call.func.attr in ("setHtml", "setMarkdown"):
                raise AssertionError(f"{source.name}:{call.lineno}")
        elif isinstance(call, ast.Call) and ast.unparse(call.func) == "QLabel":
            assert not call.args, f"{source.name}:{call.lineno} guesses its format"


def _is_safe(argument: ast.expr) -> bool:
    if isinstance(argument, ast.Constant):
        return True
    return isinstance(argument, ast.Call) and ast.unparse(argument.func) in (
        "tooltip",
        "field.toolTip",
    )
