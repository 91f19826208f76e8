from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from organtwin.casefolder import CaseFolder
from organtwin.core.journal import Done
from organtwin.ui.deform_figures import figures, spread, strains
from organtwin.ui.deforming import Deformed
from organtwin.ui.lying import Lying, lying
from organtwin.ui.pages.deform_page import DeformPage
from organtwin.ui.trouble import Trouble
from organtwin.ui.views.patient_dial import PatientDial
from organtwin.ui.window import MainWindow
from tests.meshing.cubes import cube

LEFT_12 = Lying(90, 0, 12)
LONG_MS = 90_000


@pytest.fixture
def page(qtbot: QtBot, case_path: Path) -> Iterator[DeformPage]:
    """The page of a case whose mesh is a cube of 32 mm."""
    mesh = cube(4, 8.0)
    mesh = replace(mesh, points=mesh.points - mesh.points.mean(axis=0))
    with CaseFolder.open(case_path) as folder:
        folder.append(folder.case.having(mesh=folder.put(mesh)), Done("mesh"))
    window = MainWindow()
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    assert window.open_case(case_path)
    window.choose_page("deform")
    shown = window.page("deform")
    assert isinstance(shown, DeformPage)
    qtbot.waitUntil(lambda: shown._shown is not None, timeout=LONG_MS)
    yield shown
    window.close()


def children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]


def shows(page: DeformPage, position: Lying) -> bool:
    return page._shown is not None and page._shown.position == position


def test_that_a_position_is_previewed_then_computed_then_undone(
    page: DeformPage, qtbot: QtBot
) -> None:
    page.position.move_to(LEFT_12)
    qtbot.waitUntil(lambda: shows(page, LEFT_12), timeout=LONG_MS)
    preview = page._shown
    assert preview is not None
    assert preview.figures["mean_mm"] > 0.5
    assert preview.figures["tumours"]["tumour-1"][0] > 0.0  # gravity points to the left
    assert preview.figures["volume_percent"] < -0.5  # 1.6 kPa on tissue of 106 kPa bulk modulus
    names = [layer.name for layer in page.view.scene.layers]
    assert {"deformed/liver", "deformed/tumour-1", "rest/liver"} <= set(names)
    assert page.view.scene.title == "Preview: on the left side, 12 mmHg"
    assert page._mark.text() == "Preview"
    assert "no interval" in page._about.text()

    page._run.click()
    qtbot.waitUntil(
        lambda: page._shown is not None and bool(page._shown.simulation), timeout=LONG_MS
    )
    assert page.session.entries[-1].done.step == "deform"
    assert page._table.item(0, 2).text() == f"{page._shown.figures['mean_mm']:.1f} mm"
    assert page._shown.figures["mean_mm"] == pytest.approx(preview.figures["mean_mm"], rel=0.1)
    assert "No interval was computed" in page._about.text()
    assert page.standing()[0] == "done"

    qtbot.waitUntil(lambda: not page.session.busy, timeout=LONG_MS)
    page.session.undo()
    qtbot.waitUntil(lambda: shows(page, LEFT_12) and not page._shown.simulation, timeout=LONG_MS)
    assert page.standing()[0] == "ready"


def test_that_the_newest_request_wins(page: DeformPage, qtbot: QtBot) -> None:
    answers: list[Deformed] = []
    page.deforming.deformed.connect(answers.append)
    for degrees in range(5, 65, 5):
        page.position.turned.slider.setValue(degrees)
    qtbot.waitUntil(lambda: shows(page, Lying(60)), timeout=LONG_MS)
    assert [answer.position for answer in answers] == [Lying(5), Lying(60)]


def test_that_killed_solvers_cost_nothing_but_their_answer(page: DeformPage, qtbot: QtBot) -> None:
    """The kept one between two previews, the process that asks it, the one of a step."""
    (kept,) = children_of(page.deforming.pid)
    os.kill(kept, signal.SIGKILL)
    page.position.move_to(Lying(20))
    qtbot.waitUntil(lambda: shows(page, Lying(20)), timeout=LONG_MS)

    os.kill(page.deforming.pid, signal.SIGSTOP)
    page.position.move_to(Lying(30))
    os.kill(page.deforming.pid, signal.SIGKILL)
    qtbot.waitUntil(page._refused.isVisible, timeout=LONG_MS)
    assert "turned 30° to the left" in page._trouble.text()
    page._again.click()
    qtbot.waitUntil(lambda: shows(page, Lying(30)), timeout=LONG_MS)
    assert not page._refused.isVisible()

    troubles: list[Trouble] = []
    page.session.failed.connect(troubles.append)
    before = page.session.case
    page._run.click()
    step = page.session._child
    assert step is not None
    qtbot.waitUntil(lambda: len(children_of(step.pid)) == 1, timeout=LONG_MS)
    os.kill(children_of(step.pid)[0], signal.SIGKILL)
    qtbot.waitUntil(lambda: not page.session.busy, timeout=LONG_MS)
    assert [trouble.title for trouble in troubles] == ["The solver ended without an answer"]
    assert "SIGKILL" in troubles[0].what
    assert page.session.case == before


@pytest.mark.parametrize(
    ("position", "down"),
    [
        (Lying(), (0, 1, 0)),
        (Lying(90), (1, 0, 0)),
        (Lying(-90), (-1, 0, 0)),
        (Lying(180), (0, -1, 0)),
        (Lying(0, 30), (0, np.sqrt(0.75), 0.5)),
    ],
)
def test_that_gravity_points_where_the_patient_lies(
    position: Lying, down: tuple[float, float, float]
) -> None:
    """LPS: L is the patient's left, P the back, S the head."""
    assert position.down == pytest.approx(down, abs=1e-12)


@pytest.mark.parametrize("position", [LEFT_12, Lying(-35, -15, 20), Lying(180, 10, 0)])
def test_that_a_position_is_known_again_from_its_step(position: Lying) -> None:
    assert lying(position.arguments) == position


def test_that_a_stretch_is_a_green_lagrange_strain() -> None:
    """E = (λ² - 1)/2 along a stretch of λ = 1.2."""
    mesh = cube(2)
    moved = mesh.points * (0.2, 0.0, -0.1)
    assert strains(mesh, moved) == pytest.approx(np.full(len(mesh.tetrahedra), 0.22))
    told = figures(mesh, moved, strains(mesh, moved))
    assert told["volume_percent"] == pytest.approx(100.0 * (1.2 * 0.9 - 1.0))
    assert told["strain_percent"] == told["most_strain_percent"] == pytest.approx(22.0)


def test_that_an_ensemble_is_told_with_its_interval() -> None:
    mesh = cube(2)
    still = np.zeros(len(mesh.tetrahedra))
    members = [figures(mesh, np.full(mesh.points.shape, a), still) for a in np.linspace(0, 10, 101)]
    told = spread(members)
    assert told["mean_mm"] == pytest.approx(5.0 * np.sqrt(3.0))
    assert told["intervals"]["mean_mm"] == pytest.approx([0.5 * np.sqrt(3.0), 9.5 * np.sqrt(3.0)])
    assert spread(members[:1])["intervals"] == {}


def test_that_dragging_the_patient_a_quarter_round_turns_to_the_side(qtbot: QtBot) -> None:
    """Clockwise as seen from the feet: the patient's left, at the right, goes down."""
    dial = PatientDial()
    qtbot.addWidget(dial)
    dial.resize(300, 120)
    dial.show()
    middle, told = dial._middle("turned").toPoint(), []
    dial.turned.connect(told.append)
    left = Qt.MouseButton.LeftButton
    qtbot.mousePress(dial, left, pos=middle + QPoint(30, 0))
    qtbot.mouseMove(dial, middle + QPoint(0, 30))
    qtbot.mouseRelease(dial, left, pos=middle + QPoint(0, 30))
    assert told[-1] == pytest.approx(90, abs=2)
