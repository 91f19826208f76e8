"""Gestures as steps: recorded, undone, killed, marked, packed for an audit."""

import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.casefolder import CaseFolder, ObjectFolder
from organtwin.core.canvas import Canvas, follow
from organtwin.core.case import Case, Visit
from organtwin.core.change import Change
from organtwin.core.errors import BadArgument, EmptyLabel, Missing
from organtwin.core.journal import Done
from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.pipeline import editing, is_quick, run_step
from organtwin.reporting.audit import signing_key, write_audit
from organtwin.reporting.audit_check import verify_audit
from tests.editing.grounds import AFFINES, ball_mask, image, labelled, same
from tests.phantoms import LIVER, PORTAL

AT = AFFINES["oblique"]
DOT = {"structure": "portal-vein", "points": [[0.0, 0, 0]], "radius_mm": 4.0}


def first_case(folder: CaseFolder) -> None:
    labels = labelled(
        {LIVER: ball_mask(AT, (0, 0, 0), 14.0), PORTAL: ball_mask(AT, (50, 0, 0), 1)}, AT
    )
    volume = folder.put(image(np.zeros(labels.labels.shape), AT))
    visit = Visit(0.0, date(2026, 1, 1), volume, folder.put(labels), seen=True)
    later = Visit(30.0, date(2026, 1, 31), volume)
    folder.append(Case("P", visits=(visit, later), mesh="a mesh"), Done("made"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with CaseFolder.create(tmp_path / "case", Case("P")) as folder:
        first_case(folder)
    return tmp_path / "case"


def do(folder: CaseFolder, name: str, **arguments: Any) -> str:
    case, done = run_step(name, folder.case, folder, arguments=arguments, watch=Watch())
    folder.append(case, done)
    return done.summary


def paint(folder: CaseFolder, x_mm: float = 0.0, **more: Any) -> str:
    return do(folder, "edit", tool="paint", arguments={**DOT, "points": [[x_mm, 0, 0]], **more})


def labels_of(folder: CaseFolder, visit: int = 0) -> LabelMap:
    found: LabelMap = folder.get(folder.case.visits[visit].labels)
    return found


def test_that_a_stroke_is_there_when_the_case_opens_again(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        paint(folder)
        paint(folder, 8.0, overlapping=True)
        drawn = labels_of(folder)
        assert isinstance(folder.objects.as_put(folder.case.visits[0].labels), Change)
    with CaseFolder.open(path) as folder:
        assert same(labels_of(folder), drawn)
        assert drawn.mask("portal-vein")[ball_mask(AT, (8, 0, 0), 4.0)].all()


def test_that_the_summary_says_what_changed(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        said = paint(folder)
        ml = labels_of(folder).volume_ml("portal-vein")
        gone = "; the mesh of before is gone: make anew"
        assert said == f"visit 0: paint: portal-vein 0.00 → {ml:.2f} mL{gone}"


def test_that_an_edit_of_the_baseline_drops_what_was_made_from_it(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        paint(folder)
        assert folder.case.mesh == ""
        folder.undo()
        assert folder.case.mesh == "a mesh"


def test_that_any_number_of_gestures_is_undone_and_redone(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        states = [labels_of(folder)]
        for x in range(-10, 10, 2):
            paint(folder, float(x), over=["liver"] if x % 4 else "all")
            states.append(labels_of(folder))
        for state in reversed(states[:-1]):
            folder.undo()
            assert same(labels_of(folder), state)
            assert same(folder.canvas(folder.case.visits[0].labels).labels, state)
        for _ in states[1:]:
            folder.redo()
        assert same(folder.canvas(folder.case.visits[0].labels).labels, states[-1])


def test_that_a_long_chain_is_shortened(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "LONG_CHAIN", 3)
    monkeypatch.setattr(editing, "DEPTH_LIMIT", 3)
    with CaseFolder.open(path) as folder:
        live = Canvas(labels_of(folder), folder.case.visits[0].labels)
        depths = []
        for x in range(5):
            paint(folder, 2.0 * x)
            put = folder.objects.as_put(folder.case.visits[0].labels)
            depths.append(put.depth)
            assert follow(live, folder.objects.as_put, folder.case.visits[0].labels) is not None
        assert depths == [1, 2, 1, 2, 1]
        drawn = labels_of(folder)
        assert same(drawn, live.labels)
    with CaseFolder.open(path) as folder:
        assert same(labels_of(folder), drawn)


def test_that_gestures_lie_on_whole_labels_that_were_put_beside(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editing, "LONG_CHAIN", 3)
    with CaseFolder.open(path) as folder:
        live = Canvas(labels_of(folder), folder.case.visits[0].labels)
        depths, states, long, whole = [], [], "", ""
        for x in range(7):
            if x == 3:  # what the window has a process do
                long, beside = folder.case.visits[0].labels, ObjectFolder(folder.objects.root)
                whole = beside.put(beside.get(long))
            if x == 4:  # while the hand went on
                folder.objects.wholes[long] = whole
            paint(folder, 2.0 * x)
            labels = folder.case.visits[0].labels
            depths.append(folder.objects.as_put(labels).depth)
            assert follow(live, folder.objects.as_put, labels) is not None
            assert same(labels_of(folder), live.labels)
            states.append(live.frozen())
        assert depths == [1, 2, 3, 4, 3, 4, 5]
        assert whole in folder.entries[6].done.outputs
        for state in reversed(states[:-1]):
            folder.undo()
            assert same(folder.canvas(folder.case.visits[0].labels).labels, state)
        for _ in states[1:]:
            folder.redo()
    with CaseFolder.open(path) as folder:
        assert same(labels_of(folder), states[-1])


def test_that_a_gesture_that_changes_nothing_is_refused_and_leaves_nothing(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        before = sorted(folder.objects.root.rglob("*"))
        with pytest.raises(BadArgument, match="changes nothing"):
            paint(folder, 400.0)
        assert sorted(folder.objects.root.rglob("*")) == before


def failing(folder: CaseFolder) -> None:
    with folder.trying():
        asked = {"tool": "paint", "arguments": DOT}
        run_step("edit", folder.case, folder, arguments=asked, watch=Watch())
        raise RuntimeError


def test_that_after_a_step_that_failed_the_next_one_works(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        with pytest.raises(RuntimeError):
            failing(folder)
        paint(folder, 4.0)
        assert np.array_equal(labels_of(folder).labels == 2, ball_mask(AT, (4, 0, 0), 4.0))


def test_that_work_done_is_in_progress_again_after_an_edit(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        paint(folder, 8.0)
        do(folder, "mark", structure="portal-vein", state="reviewed", who="Dr. A. Surgeon")
        do(folder, "mark", structure="liver", state="done")
        assert folder.case.visits[0].work_on("portal-vein").who == "Dr. A. Surgeon"
        paint(folder)
        visit = folder.case.visits[0]
        assert visit.work_on("portal-vein").state == "in progress"
        assert visit.work_on("liver").state == "done"


def test_that_a_review_names_who_did_it(path: Path) -> None:
    with CaseFolder.open(path) as folder, pytest.raises(BadArgument, match="names who"):
        do(folder, "mark", structure="liver", state="reviewed")


def test_that_labels_begin_with_a_structure(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        with pytest.raises(Missing, match="add a structure"):
            do(folder, "edit", visit=1, tool="paint", arguments=DOT)
        for name in ("liver", "tumour-1", "gallbladder"):
            do(folder, "structure", visit=1, do="add", structure=name)
        do(folder, "structure", visit=1, do="rename", structure="gallbladder", to="cyst")
        do(folder, "structure", visit=1, do="recolour", structure="cyst", colour=[0, 1, 0.5])
        do(folder, "edit", visit=1, tool="paint", arguments=DOT | {"structure": "tumour-1"})
        do(folder, "structure", visit=1, do="remove", structure="liver")
        made = labels_of(folder, 1)
        assert [(s.name, s.label, s.within) for s in made.structures] == [
            ("tumour-1", 101, ""), ("cyst", 11, ""),
        ]  # fmt: skip
        assert made.structure("cyst").colour == (0, 1, 0.5)
        assert np.array_equal(made.mask("tumour-1"), ball_mask(AT, (0, 0, 0), 4.0))


def test_that_only_strokes_are_done_in_the_window() -> None:
    assert is_quick("edit", {"tool": "paint"})
    assert not is_quick("edit", {"tool": "smooth"})
    assert is_quick("mark", {})
    assert not is_quick("mesh", {})


def test_that_an_audit_package_holds_what_changes_rest_on(path: Path, tmp_path: Path) -> None:
    with CaseFolder.open(path) as folder:
        for x in range(3):
            paint(folder, 5.0 * x)
        named = {i for e in folder.entries for i in (*e.done.inputs, *e.done.outputs)}
        change = folder.objects.as_put(folder.case.visits[0].labels)
        while isinstance(change, Change):
            assert change.before in named
            change = folder.objects.as_put(change.before)
        write_audit(
            tmp_path / "audit.zip", folder.entries, folder.objects.content, files={},
            key=signing_key(tmp_path / "key"), watch=Watch(),
        )  # fmt: skip
    assert verify_audit(tmp_path / "audit.zip", Watch()).entries == 5


STROKES = """
import sys
from pathlib import Path
from organtwin.casefolder import CaseFolder, ObjectFolder
from tests.editing.test_steps import paint
with CaseFolder.open(Path(sys.argv[1])) as folder:
    for number in range(1000):
        paint(folder, -14.0 + 0.06 * number)
        print(folder.case.visits[0].labels, flush=True)
"""


def test_that_a_kill_after_a_stroke_loses_none(path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STROKES, str(path)],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdout is not None
    shown = [process.stdout.readline() for _ in range(12)]
    process.send_signal(signal.SIGKILL)
    shown += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    last = [line.strip() for line in shown if line.endswith("\n")][-1]
    with CaseFolder.open(path) as folder:
        ids = [folder.get(entry.case).visits[0].labels for entry in folder.entries[1:]]
        assert last in ids
        assert labels_of(folder).volume_ml("portal-vein") >= folder.get(last).volume_ml(
            "portal-vein"
        )


def test_that_a_tool_that_finds_nothing_says_so(path: Path) -> None:
    with CaseFolder.open(path) as folder, pytest.raises(EmptyLabel):
        do(folder, "edit", tool="grow", arguments={"structure": "portal-vein", "by_mm": 2.0})
