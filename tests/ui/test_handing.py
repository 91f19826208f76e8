"""A visit written for other systems from the window."""

from pathlib import Path

from pytestqt.qtbot import QtBot

from organtwin.ui.handing import Handing
from organtwin.ui.window import MainWindow

MINUTE_MS = 60_000


def handing(qtbot: QtBot, window: MainWindow) -> Handing:
    window.choose_page("report")
    found = window.findChild(Handing)
    qtbot.waitUntil(lambda: found._save.isEnabled(), timeout=MINUTE_MS)
    return found


def test_that_a_visit_is_written_and_recorded(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    card = handing(qtbot, window)
    card._format.setCurrentIndex(card._format.findData("seg"))
    with qtbot.waitSignal(window.session.done, timeout=MINUTE_MS) as told:
        card.write_to(str(tmp_path / "out"))
    assert told.args[0] == "export"
    assert (tmp_path / "out" / "visit0-seg.dcm").is_file()
    assert window.session.entries[-1].done.step == "export"


def test_that_the_report_is_not_offered_without_the_patient(
    qtbot: QtBot, window: MainWindow
) -> None:
    card = handing(qtbot, window)
    assert card._format.findData("pdf") >= 0
    card._bare.setChecked(True)
    assert card._format.findData("pdf") < 0
