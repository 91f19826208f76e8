from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from organtwin.casefolder import CaseFolder
from organtwin.core.journal import Done
from organtwin.ui.deform_figures import stretches
from organtwin.ui.deform_worth import cautions
from organtwin.ui.deforming import Deformed
from organtwin.ui.lying import Lying, lying_in
from organtwin.ui.pages import deform_page
from organtwin.ui.pages.deform_page import DeformPage
from organtwin.ui.trouble import Trouble
from organtwin.ui.views.patient_dial import PatientDial
from organtwin.ui.window import MainWindow
from organtwin.ui.wording import summary_of
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


def entry(step: str, arguments: dict[str, Any]) -> Any:
    return SimpleNamespace(done=Done(step, arguments))


def shows(page: DeformPage, position: Lying) -> bool:
    return page._shown is not None and page._shown.position == position


def test_that_a_position_is_previewed_then_computed_then_undone(
    page: DeformPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a slider is dragged the newest request wins: only the first and the last are met."""
    answers: list[Deformed] = []
    page.deforming.deformed.connect(answers.append)
    page.position.pressure.slider.setValue(12)
    for degrees in range(5, 95, 5):
        page.position.turned.slider.setValue(degrees)
    qtbot.waitUntil(lambda: shows(page, LEFT_12), timeout=LONG_MS)
    assert [answer.position for answer in answers] == [Lying(0, 0, 12), LEFT_12]
    preview = page._shown
    assert preview is not None
    figures = preview.told["figures"]
    assert figures["to_the_left_mm"] > 0.0  # gravity points there
    assert figures["cranial_mm"] == pytest.approx(44.4, abs=8.0)  # 1.6 kPa on 0.036 kPa/mm
    assert figures["volume_change_percent"] == pytest.approx(-12.0, abs=2.0)
    names = [layer.name for layer in page.view.scene.layers]
    assert {"deformed/liver", "deformed/tumour-1", "rest/liver"} <= set(names)
    assert page.view.scene.title == "Preview: on the left side, 12 mmHg"
    assert page._mark.text() == "Preview"
    assert "no interval" in page._about.text()
    assert "Not validated" in page._worth.text()

    monkeypatch.setattr(deform_page, "MEMBERS", 3)
    page._run.click()
    assert page._computing.line.text().startswith("Computing: on the left side, 12 mmHg. 0 s")
    page.position.move_to(Lying())
    qtbot.waitUntil(page._computing.show_it.isVisible, timeout=LONG_MS)
    assert page._computing.line.text() == "Computed: on the left side, 12 mmHg."
    page._computing.show_it.click()
    assert not page._computing.isVisible()
    qtbot.waitUntil(
        lambda: page._shown is not None and bool(page._shown.simulation), timeout=LONG_MS
    )
    assert page.session.entries[-1].done.step == "pose"
    said = summary_of(page.session, page.session.entries[-1])
    assert said.startswith("on the left side, 12 mmHg: surface moves")
    accurate = page._shown.told["figures"]
    for name in ("mean_shift_mm", "to_the_left_mm", "target_1_shift_mm"):
        assert accurate[name] == pytest.approx(figures[name], rel=0.1)
    shown = page._table.item(0, 2).text().splitlines()
    assert shown[0] == f"{accurate['mean_shift_mm']:.0f} mm"
    assert " to " in shown[1]
    assert "90 % of 3 samples" in page._about.text()
    assert page.standing()[0] == "half"  # nobody has looked at the labels
    assert "rests on unreviewed labels (liver" in page.standing()[1]
    assert page._rests.isVisible()

    qtbot.waitUntil(lambda: not page.session.busy, timeout=LONG_MS)
    page.session.undo()
    qtbot.waitUntil(lambda: shows(page, LEFT_12) and not page._shown.simulation, timeout=LONG_MS)
    assert page.standing()[0] == "ready"


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
        (Lying(0, -30), (0, np.sqrt(0.75), 0.5)),
    ],
)
def test_that_gravity_points_where_the_patient_lies(
    position: Lying, down: tuple[float, float, float]
) -> None:
    """LPS: L is the patient's left, P the back, S the head."""
    assert position.down == pytest.approx(down, abs=1e-12)


@pytest.mark.parametrize("position", [LEFT_12, Lying(-35, -15, 20), Lying(180, 10, 0)])
def test_that_a_position_is_known_again_from_its_step(position: Lying) -> None:
    asked = {"position": "supine", "scanned": "supine", "preview": False, **position.arguments}
    assert lying_in(entry("pose", asked)) == position
    assert lying_in(entry("pose", {**asked, "preview": True})) is None
    assert lying_in(entry("mesh", {})) is None


def test_that_a_named_position_is_known_by_its_angle() -> None:
    asked = {"position": "right-lateral", "scanned": "supine", "preview": False}
    assert lying_in(entry("pose", {**asked, **Lying().arguments})) == Lying(-90)


def test_that_a_stretch_is_a_length_over_that_at_rest() -> None:
    mesh = cube(2)
    found = stretches(mesh, mesh.points * (0.2, 0.0, -0.1))
    assert found == pytest.approx(np.full(len(mesh.points), 0.2))


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


@pytest.mark.parametrize(
    ("gas", "moved_mm", "lines"), [(12, 46.3, 1), (13, 46.3, 2), (12, 62.2, 2), (15, 62.2, 3)]
)
def test_that_what_leaves_the_published_says_so(gas: int, moved_mm: float, lines: int) -> None:
    """46.3 mm is the calibrated answer at 12 mmHg, 62.2 mm that on the side as well."""
    said = cautions(Lying(0, 0, gas), {"figures": {"mean_shift_mm": moved_mm}})
    assert len(said.splitlines()) == lines
    assert ("extrapolated from 12 mmHg" in said) == (gas > 12)
