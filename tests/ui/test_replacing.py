"""The window asks before a step changes what somebody reviewed."""

from pathlib import Path

from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from organtwin.core.watch import Watch
from organtwin.exporting.nifti import write_voxels
from organtwin.ui.pages.segment_page import SegmentPage
from organtwin.ui.trouble import TroubleDialog
from organtwin.ui.window import MainWindow


def question(window: MainWindow) -> QMessageBox | None:
    return window.findChild(QMessageBox)


def test_that_a_reviewed_structure_is_replaced_once_a_person_says_so(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window.choose_page("segment")
    page = window.page("segment")
    assert isinstance(page, SegmentPage)
    labels = page.bench.labels
    assert labels is not None
    other = labels.mask("liver").astype("u1")
    other[: other.shape[0] // 2] = 0
    path = tmp_path / "other.nii.gz"
    write_voxels(path, other, labels.affine, names={1: "liver"}, watch=Watch())
    page.bench.mark("liver", "reviewed")
    page._do("label", {"path": str(path), "visit": 0})
    qtbot.waitUntil(lambda: question(window) is not None, timeout=60_000)
    asked = question(window)
    assert asked is not None
    assert "reviewed by" in asked.text()
    assert window.findChild(TroubleDialog) is None
    assert page.bench.work_on("liver").state == "reviewed"
    next(b for b in asked.buttons() if b.text() == "&Replace").click()
    qtbot.waitUntil(lambda: page.bench.work_on("liver").state != "reviewed", timeout=60_000)
    assert page.session.entries[-1].done.arguments["replace"] is True
