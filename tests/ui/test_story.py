"""The whole river by clicks in the window, with the real solver, on the sample patient made coarse.

What comes out is judged in tests/stories, at full resolution.
"""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from organtwin.ui.trouble import Trouble
from organtwin.ui.welcome import SAMPLE
from organtwin.ui.window import MainWindow

MINUTES_MS = 20 * 60_000
DAYS = ("day000", "day045", "day090")
"""One is learned from and one only scored."""
SIZES = {"organ_edge_mm": 16.0, "tumour_edge_mm": 8.0, "vessel_radius_mm": 50.0}


def copy_coarse(day: Path, to: Path) -> None:
    """Copy every other slice with 2 × 2 pixels made one: 2.8 × 2.8 × 5 mm."""
    to.mkdir(parents=True)
    for path in sorted(day.iterdir())[::2]:
        one = pydicom.dcmread(path)
        rows, columns = one.Rows // 2, one.Columns // 2
        mean = one.pixel_array.reshape(rows, 2, columns, 2).mean(axis=(1, 3))
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.PixelData = np.round(mean).astype(one.pixel_array.dtype).tobytes()
        one["PixelData"].VR = "OW"
        first, across = float(one.PixelSpacing[0]), np.array(one.ImageOrientationPatient, float)
        moved = np.array(one.ImagePositionPatient, float) + (across[:3] + across[3:]) * first / 2.0
        one.ImagePositionPatient = [round(float(x), 6) for x in moved]
        one.PixelSpacing, one.Rows, one.Columns = [2.0 * first] * 2, rows, columns
        one.SliceThickness = 2.0 * float(one.SliceThickness)
        one.save_as(to / path.name)


def click(qtbot: QtBot, window: MainWindow, text: str) -> None:
    """Click a button of the page in front and wait until the work it began is over."""

    def found() -> list[QAbstractButton]:
        return [
            button
            for button in window._panels.currentWidget().findChildren(QAbstractButton)
            if button.text().replace("&", "").startswith(text) and button.isVisible()
        ]

    qtbot.waitUntil(lambda: len(found()) == 1, timeout=60_000)
    buttons = found()
    qtbot.waitUntil(buttons[0].isEnabled, timeout=120_000)
    qtbot.mouseClick(buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.session.busy, timeout=MINUTES_MS)


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
        copy_coarse(SAMPLE / day, tmp_path / "images" / day)
    window.page("import").scan(str(tmp_path / "images"))  # type: ignore[attr-defined]
    click(qtbot, window, "Import chosen")
    assert [visit.day for visit in window.session.case.visits] == [0.0, 45.0, 90.0]

    window.choose_page("segment")
    click(qtbot, window, "All visits")
    assert all(visit.labels for visit in window.session.case.visits)

    window.choose_page("mesh")
    window.page("mesh")._form.set_values(SIZES)  # type: ignore[attr-defined]
    click(qtbot, window, "Make the mesh")
    window.choose_page("update")
    window.page("update")._form.set_values({"members": 8})  # type: ignore[attr-defined]
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
