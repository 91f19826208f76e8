import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from organtwin.casefolder import CaseFolder
from organtwin.ui import status, theme
from organtwin.ui.pages import pages
from organtwin.ui.trouble import Trouble, TroubleDialog
from organtwin.ui.window import MainWindow

PAGES = [page.name for page in pages()]


def test_that_the_pages_follow_the_river() -> None:
    river = ["import", "segment", "mesh", "deform", "update", "simulate", "compare", "report"]
    assert river == PAGES


@pytest.mark.parametrize("name", PAGES)
def test_that_everything_focusable_has_a_name(window: MainWindow, name: str) -> None:
    window.choose_page(name)
    nameless = [
        type(widget).__name__
        for widget in window.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.isVisible()
        and not isinstance(widget, QScrollArea)
        and not widget.accessibleName()
        and not (widget.focusProxy() and widget.focusProxy().accessibleName())
    ]
    assert nameless == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [("text", "panel"), ("muted", "panel"), ("muted", "card"), ("on_accent", "accent")]
    + [(tone, f"{tone}_soft") for tone in ("good", "warn", "bad")],
)
def test_that_words_stand_out_from_their_ground(
    scheme: theme.Scheme, text: str, ground: str
) -> None:
    """WCAG 2.2, success criterion 1.4.3: contrast of at least 4.5 to 1."""

    def luminance(token: str) -> float:
        code = theme.tokens(scheme)[token]
        parts = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(text), luminance(ground)))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_that_a_click_in_one_slice_moves_the_other_two(window: MainWindow, qtbot: QtBot) -> None:
    window.choose_page("segment")
    axial, coronal = window.stage.slices["axial"], window.stage.slices["coronal"]
    before = coronal.number
    qtbot.mouseClick(
        axial, Qt.MouseButton.LeftButton, pos=QPoint(axial.width() // 2, axial.height() // 3)
    )
    assert coronal.number != before


def test_that_the_wheel_of_a_keyboard_scrolls(window: MainWindow, qtbot: QtBot) -> None:
    axial = window.stage.slices["axial"]
    before = axial.number
    qtbot.keyClick(axial, Qt.Key.Key_Up)
    assert axial.number == before + 1


def test_that_undo_and_redo_follow_the_journal(window: MainWindow, case_path: Path) -> None:
    window.session.undo()
    assert not window.session.case.visits[0].labels
    window.session.redo()
    assert window.session.case.visits[0].labels
    steps = [entry.done.step for entry in window.session.entries]
    assert steps == ["create", "import", "segment", "undo", "redo"]


def test_that_a_closed_window_lets_the_case_go(window: MainWindow, case_path: Path) -> None:
    window.close()
    with CaseFolder.open(case_path) as folder:
        assert folder.case.visits


def test_that_a_case_open_elsewhere_is_told(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    with (
        CaseFolder.create(tmp_path / "other", window.session.case),
        qtbot.waitSignal(window.session.failed) as caught,
    ):
        window.open_case(tmp_path / "other")
    assert caught.args[0].kind == "CaseLocked"
    assert window.session.case.patient == "phantom"


def test_that_a_step_runs_without_freezing_the_window(window: MainWindow, qtbot: QtBot) -> None:
    """The longest time between two turns of the event loop while meshing is under 200 ms.

    The best of three, for other programs may hold the processor; a frozen loop freezes each time.
    """
    window.choose_page("segment")
    qtbot.wait(600)
    worst = []
    for edge_mm in (16.0, 17.0, 18.0):
        worst.append(_longest_gap_s(window, qtbot, {"organ_edge_mm": edge_mm}))
        if worst[-1] < 0.2:
            break
    assert window.session.case.mesh
    assert min(worst) < 0.2


def _longest_gap_s(window: MainWindow, qtbot: QtBot, sizes: dict[str, float]) -> float:
    gaps, last = [0.0], [monotonic()]

    def tick() -> None:
        gaps.append(monotonic() - last[0])
        last[0] = monotonic()

    timer = QTimer(interval=5)
    timer.timeout.connect(tick)
    with qtbot.waitSignal(window.session.busy_changed, timeout=90_000, check_params_cb=_idle):
        last[0] = monotonic()
        timer.start()
        assert window.session.do("mesh", {"tumour_edge_mm": 8.0, **sizes})
    timer.stop()
    return max(gaps)


def test_that_a_stopped_step_leaves_the_case_as_it_was(window: MainWindow, qtbot: QtBot) -> None:
    before, count = window.session.case, len(window.session.entries)
    with qtbot.waitSignal(window.session.busy_changed, timeout=30_000, check_params_cb=_idle):
        assert window.session.do("mesh", {"organ_edge_mm": 4.0})
        QTimer.singleShot(300, window.session.cancel)
    assert (window.session.case, len(window.session.entries)) == (before, count)


def test_that_a_killed_step_is_told_and_the_window_lives(window: MainWindow, qtbot: QtBot) -> None:
    count = len(window.session.entries)
    with qtbot.waitSignal(window.session.failed, timeout=30_000) as caught:
        assert window.session.do("mesh", {"organ_edge_mm": 4.0})
        child = window.session._child
        qtbot.waitUntil(lambda: child.pid > 0)
        os.kill(child.pid, signal.SIGKILL)
    assert "killed by signal" in caught.args[0].what
    assert len(window.session.entries) == count
    assert window.session.do("mesh", {"organ_edge_mm": 4.0})
    window.session.cancel()


def test_that_a_wrong_argument_is_told_with_what_to_do(window: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.session.failed, timeout=30_000) as caught:
        window.session.do("mesh", {"organ_edge_mm": -4.0})
    assert caught.args[0].kind == "BadArgument"
    qtbot.waitUntil(lambda: window.findChild(TroubleDialog) is not None)


def test_that_an_error_says_what_where_and_what_to_do(qtbot: QtBot) -> None:
    dialog = TroubleDialog(Trouble("WrongGeometry", "slice 7 is missing", "series 1", "rescan"))
    qtbot.addWidget(dialog)
    said = [label.text() for label in dialog.findChildren(QWidget) if hasattr(label, "text")]
    assert {"Slice 7 is missing", "Series 1", "Rescan"} <= set(said)


def test_that_hiding_a_structure_takes_it_from_slices_and_scene(window: MainWindow) -> None:
    window.showing.viewing.set_hidden(frozenset({"tumour-1"}))
    assert "tumour-1" not in window.showing.viewing.colours()


def test_that_a_click_sets_a_seed_while_seeds_are_set(window: MainWindow, qtbot: QtBot) -> None:
    window.choose_page("segment")
    axial, before = window.stage.slices["axial"], window.showing.viewing.cursor_mm
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(axial, Qt.Key.Key_G)
    qtbot.mouseClick(
        axial, Qt.MouseButton.LeftButton, pos=QPoint(axial.width() // 2, axial.height() // 2)
    )
    assert len(window.showing.viewing.marks) == 1
    assert np.array_equal(window.showing.viewing.cursor_mm, before)


def test_that_light_and_dark_change_in_place(window: MainWindow) -> None:
    window.choose_page("compare")
    window.set_scheme("light")
    light = window.rail.grab().toImage().pixelColor(4, 500).lightness()
    window.set_scheme("dark")
    assert window.rail.grab().toImage().pixelColor(4, 500).lightness() < light - 100


def test_that_a_view_takes_the_whole_space_and_gives_it_back(window: MainWindow) -> None:
    stage = window.stage
    stage.maximise(stage.organ)
    assert not stage.slices["axial"].isVisible()
    stage.maximise(stage.organ)
    assert stage.slices["axial"].isVisible()


def test_that_one_click_opens_the_sample(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    made = MainWindow()
    qtbot.addWidget(made)
    made.show()
    asked = []
    monkeypatch.setattr(made.session, "do", lambda step, arguments: asked.append((step, arguments)))
    qtbot.mouseClick(made.welcome.sample_button, Qt.MouseButton.LeftButton)
    assert made.session.case.patient == "Sample patient"
    assert asked[0][0] == "import"
    made.close()


def test_that_a_picture_of_the_window_can_be_taken(case_path: Path, tmp_path: Path) -> None:
    picture = tmp_path / "window.png"
    command = [sys.executable, "-m", "organtwin", str(case_path), "--page", "segment"]
    run = subprocess.run([*command, "--screenshot", str(picture)], check=False, timeout=90)
    assert run.returncode == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_that_questions_need_no_qt() -> None:
    code = "import organtwin.ui.aside, sys; print('PySide6' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


def test_that_a_question_about_an_empty_folder_is_answered_with_an_error(tmp_path: Path) -> None:
    asked = json.dumps({"question": "look", "path": str(tmp_path / "nowhere")})
    run = subprocess.run(
        [sys.executable, "-m", "organtwin.ui.aside"],
        input=asked + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "advice" in json.loads(run.stdout.splitlines()[-1])


def _idle(busy: bool) -> bool:
    QApplication.processEvents()
    return not busy


def test_that_what_is_said_stays_until_it_can_be_read(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "READING_MS", 50)
    window.session.said.emit("Nothing changes here")
    window.session.whispered.emit(0.5, "making surfaces")
    window.session.whispered.emit(0.0, "ready")
    assert window.status.message.text() == "Nothing changes here"
    qtbot.waitUntil(lambda: window.status.message.text() == "Ready", timeout=4000)


def test_that_a_line_too_long_for_the_window_is_whole_in_its_tip(window: MainWindow) -> None:
    window.session.said.emit("Segment: found; the mesh of before is gone: make anew")
    assert "the mesh of before is gone: make anew" in window.status.message.toolTip()
    assert window.status.message.property("role") == "warn"


def test_that_a_step_takes_the_word_at_once(window: MainWindow) -> None:
    window.session.said.emit("Nothing changes here")
    window.session.progress.emit(0.1, "segmenting")
    assert window.status.message.text() == "Segmenting"
