"""The whole river by clicks in the window, with the real solver, on the sample patient."""

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from organtwin.ui.trouble import Trouble
from organtwin.ui.welcome import SAMPLE
from organtwin.ui.window import MainWindow

MINUTES_MS = 20 * 60_000
DAYS = ("day000", "day045", "day090")
"""All visits are judged in tests/stories; here one is learned from and one only scored."""


def click(qtbot: QtBot, window: MainWindow, text: str) -> None:
    """Click a button of the page in front and wait until the work it began is over."""

    def found() -> list[QAbstractButton]:
        return [
            button
            for button in window._panels.currentWidget().findChildren(QAbstractButton)
            if button.text().replace("&", "").startswith(text) and button.isVisible()
        ]

    qtbot.waitUntil(lambda: len(found()) == 1, timeout=5_000)
    buttons = found()
    qtbot.waitUntil(buttons[0].isEnabled, timeout=30_000)
    qtbot.mouseClick(buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.session.busy, timeout=MINUTES_MS)
    qtbot.wait(50)


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample patient was not made yet")
def test_that_the_river_can_be_clicked_from_scan_to_report(qtbot: QtBot, tmp_path: Path) -> None:
    window = MainWindow()
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    troubles: list[Trouble] = []
    window.session.failed.connect(troubles.append)
    assert window.session.create(tmp_path / "case", "Sample patient")

    window.choose_page("import")
    for day in DAYS:
        shutil.copytree(SAMPLE / day, tmp_path / "images" / day)
    window.page("import").scan(str(tmp_path / "images"))  # type: ignore[attr-defined]
    click(qtbot, window, "Import chosen")
    assert [visit.day for visit in window.session.case.visits] == [0.0, 45.0, 90.0]

    window.choose_page("segment")
    click(qtbot, window, "All visits")
    assert all(visit.labels for visit in window.session.case.visits)

    window.choose_page("mesh")
    click(qtbot, window, "Make the mesh")
    window.choose_page("update")
    window.page("update")._form.set_values({"members": 16})  # type: ignore[attr-defined]
    click(qtbot, window, "Set the prior belief")
    click(qtbot, window, "Update with day 45")
    window.page("update")._hold.setChecked(True)  # type: ignore[attr-defined]
    click(qtbot, window, "Update with day 90")
    assert [visit.seen for visit in window.session.case.visits] == [True, True, False]
    assert len(window.session.case.twins) == 2

    window.choose_page("simulate")
    click(qtbot, window, "Deform the organ")
    window.choose_page("compare")
    click(qtbot, window, "Suggest")
    click(qtbot, window, "Compare")
    assert window.session.case.comparison
    window.page("compare")._reason.setText("least tissue lost")  # type: ignore[attr-defined]
    click(qtbot, window, "Record the decision")
    assert window.session.case.decisions

    window.choose_page("report")
    click(qtbot, window, "Write the report")
    report = tmp_path / "case" / "report" / "report.pdf"
    qtbot.waitUntil(report.is_file, timeout=MINUTES_MS)
    window.session.undo()
    assert not window.session.case.decisions
    assert troubles == []
    window.close()
