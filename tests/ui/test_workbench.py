"""The Segment page by real mouse and key events: structures, strokes, seeds."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from organtwin.casefolder import CaseFolder, ObjectFolder
from organtwin.core.journal import Done
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume, to_index, to_lps
from organtwin.core.watch import Watch
from organtwin.segmenting.seeds import Seeds
from organtwin.ui.pages.segment_page import SegmentPage
from organtwin.ui.previews import answer_previews, further
from organtwin.ui.trouble import Trouble, TroubleDialog
from organtwin.ui.views.picture import Picture
from organtwin.ui.views.slice_drawing import words
from organtwin.ui.views.slice_view import SliceView
from organtwin.ui.window import MainWindow

LEFT = Qt.MouseButton.LeftButton
PLAIN = Qt.KeyboardModifier.NoModifier
CTRL = Qt.KeyboardModifier.ControlModifier
RADIUS_MM = 10.0


@pytest.fixture
def page(window: MainWindow) -> SegmentPage:
    window.choose_page("segment")
    shown = window.page("segment")
    assert isinstance(shown, SegmentPage)
    return shown


def labels_of(page: SegmentPage) -> LabelMap:
    labels = page.bench.labels
    assert labels is not None
    return labels


def drag(
    view: SliceView,
    places: Sequence[QPointF],
    keys: Qt.KeyboardModifier = PLAIN,
    *,
    end: bool = True,
) -> None:
    """Press at the first place, move over the others, let go at the last."""
    kinds = [QEvent.Type.MouseButtonPress, *[QEvent.Type.MouseMove] * (len(places) - 1)]
    for kind, place in zip(kinds, places, strict=True):
        QApplication.sendEvent(view, QMouseEvent(kind, place, place, LEFT, LEFT, keys))
    if end:
        kind = QEvent.Type.MouseButtonRelease
        none = Qt.MouseButton.NoButton
        QApplication.sendEvent(view, QMouseEvent(kind, places[-1], places[-1], LEFT, none, keys))


def across(view: SliceView, reach: float = 40.0) -> list[QPointF]:
    """Five places on a line through the middle of a view."""
    middle = QPointF(view.width() / 2, view.height() / 2)
    return [middle + QPointF(reach * part, 0.0) for part in (-1.0, -0.5, 0.0, 0.5, 1.0)]


def painted_mm(page: SegmentPage, before: LabelMap, name: str) -> np.ndarray:
    """(n, 3) LPS mm of the voxels that a structure gained."""
    after = labels_of(page)
    gained = after.mask(name) & ~before.mask(name)
    return to_lps(after.affine, np.argwhere(gained))


def steps(page: SegmentPage) -> list[str]:
    return [entry.done.step for entry in page.session.entries]


def ready_to_paint(page: SegmentPage, name: str = "tumour-1", shape: str = "disc") -> LabelMap:
    """Take the brush in hand; returns the labels as they are."""
    page.show_group("draw")
    page.drawing.choose("paint")
    page.bench.choose(name)
    page.drawing.brush.sized.emit(RADIUS_MM)
    page.drawing.brush.shaped.emit(shape)
    page.drawing.limits.inside.setCurrentIndex(page.drawing.limits.inside.findText("Anywhere"))
    labels = labels_of(page)
    return LabelMap(labels.labels.copy(order="F"), labels.affine, labels.structures)


@pytest.mark.parametrize("strokes", [4, 7])
def test_that_a_window_killed_while_whole_labels_are_put_loses_no_stroke(
    case_path: Path, strokes: int
) -> None:
    code = f"""
import os, signal, sys
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
app = QApplication(sys.argv)
from organtwin.pipeline import editing
from organtwin.ui import shortening
from organtwin.ui.window import MainWindow
from tests.ui import test_workbench as t
from pathlib import Path
editing.LONG_CHAIN = shortening.LONG_CHAIN = 2
window = MainWindow(); window.resize(1280, 800); window.show()
window.open_case(Path({str(case_path)!r})); window.choose_page("segment")
app.processEvents()
page = window.page("segment")
t.ready_to_paint(page)
view, wholes = window.stage.slices["axial"], window.session.folder.objects.wholes
for number in range({strokes}):
    while number == 4 and not wholes: QTest.qWait(20)
    t.drag(view, t.across(view, 60.0 + 15.0 * number))
    print(t.labels_of(page).volume_ml("tumour-1"), flush=True)
    app.processEvents()
os.kill(os.getpid(), signal.SIGKILL)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], check=False, timeout=90, capture_output=True, text=True
    )
    assert run.returncode == -signal.SIGKILL, run.stderr
    told = [float(line) for line in run.stdout.splitlines()]
    with CaseFolder.open(case_path) as folder:
        labels = folder.case.visits[0].labels
        assert [entry.done.step for entry in folder.entries][-strokes:] == ["edit"] * strokes
        assert folder.get(labels).volume_ml("tumour-1") == told[-1]
        assert folder.as_put(labels).depth < strokes or strokes == 4


# -- the list -----------------------------------------------------------------------------------


def carry(page: SegmentPage, name: str, over: str, *, end: bool = True) -> None:
    """Drag a row to just below the middle of another."""
    held, other = page.structures.rows[name].name, page.structures.rows[over]
    at = QPointF(held.rect().center())
    below = QPointF(held.mapFrom(page.structures, other.geometry().center())) + QPointF(0, 4)
    kinds = [QEvent.Type.MouseButtonPress, QEvent.Type.MouseMove, QEvent.Type.MouseButtonRelease]
    for kind, place in zip(kinds[: 2 + end], (at, below, below), strict=False):
        buttons = LEFT if kind != kinds[2] else Qt.MouseButton.NoButton
        button = LEFT if kind != kinds[1] else Qt.MouseButton.NoButton
        screen = QPointF(held.mapToGlobal(place))
        QApplication.sendEvent(held, QMouseEvent(kind, place, screen, button, buttons, PLAIN))


def test_that_a_row_dragged_below_another_is_drawn_over_it(page: SegmentPage) -> None:
    names = [s.name for s in page.bench.structures]
    first, last = names[1], names[-1]
    carry(page, first, last, end=False)
    assert page.structures._drag.line.isVisible()
    carry(page, first, last)
    assert [s.name for s in page.bench.structures] == [names[0], *names[2:], first]
    assert [*page.structures.rows] == [s.name for s in page.bench.structures]
    assert not page.structures._drag.line.isVisible()
    assert steps(page)[-1] == "structure"


def test_that_an_organ_is_not_dragged_over_what_lies_in_it(page: SegmentPage) -> None:
    names = [s.name for s in page.bench.structures]
    carry(page, "liver", names[-1])
    assert [s.name for s in page.bench.structures] == names
    assert "drawn after it" in page.window().status.message.text()


# -- strokes ------------------------------------------------------------------------------------


def test_that_a_stroke_paints_what_lies_under_the_brush(
    window: MainWindow, page: SegmentPage
) -> None:
    before = ready_to_paint(page)
    view = window.stage.slices["axial"]
    places = across(view)
    first, last = view.to_mm(places[0]), view.to_mm(places[-1])
    drag(view, places)
    gained = painted_mm(page, before, "tumour-1")
    along = (last - first) / np.linalg.norm(last - first)
    nearest = (
        first + np.clip((gained - first) @ along, 0, np.linalg.norm(last - first))[:, None] * along
    )
    assert len(gained) > 50
    assert np.linalg.norm(gained - nearest, axis=1).max() <= RADIUS_MM + 1e-6
    assert np.ptp(gained[:, 2]) == 0.0
    assert steps(page)[-1] == "edit"


def test_that_a_stroke_is_seen_before_the_button_is_let_go(
    window: MainWindow, page: SegmentPage, qtbot: QtBot
) -> None:
    ready_to_paint(page)
    view = window.stage.slices["axial"]
    empty = view.grab().toImage()
    drag(view, across(view), end=False)
    under = view.grab().toImage()
    place = across(view)[1].toPoint()
    ratio = view.devicePixelRatioF()
    spot = (round(place.x() * ratio), round((place.y() + 6) * ratio))
    assert under.pixelColor(*spot) != empty.pixelColor(*spot)
    assert steps(page)[-1] == "segment"


def test_that_undo_and_redo_of_a_stroke_restore_the_voxels(
    window: MainWindow, page: SegmentPage
) -> None:
    before = ready_to_paint(page)
    drag(window.stage.slices["coronal"], across(window.stage.slices["coronal"]))
    after = labels_of(page).labels.copy()
    window.session.undo()
    assert np.array_equal(labels_of(page).labels, before.labels)
    window.session.redo()
    assert np.array_equal(labels_of(page).labels, after)
    assert not np.array_equal(after, before.labels)


def test_that_ctrl_turns_the_brush_into_an_eraser(window: MainWindow, page: SegmentPage) -> None:
    before = ready_to_paint(page, "liver", "sphere")
    view = window.stage.slices["axial"]
    drag(view, across(view), CTRL)
    assert labels_of(page).volume_ml("liver") < before.volume_ml("liver")


def test_that_a_disc_paints_in_the_oblique_plane_shown(
    window: MainWindow, page: SegmentPage
) -> None:
    viewing = window.showing.viewing
    viewing.set_oblique(True)
    viewing.turn("coronal", 30.0)
    before = ready_to_paint(page)
    view = window.stage.slices["axial"]
    normal, place = view.frame().normal, view.to_mm(across(view)[2])
    drag(view, across(view))
    gained = painted_mm(page, before, "tumour-1")
    half_a_voxel_mm = 0.5 * 4.0 * np.abs(normal).sum()
    assert np.abs((gained - place) @ normal).max() <= half_a_voxel_mm + 1e-6
    assert np.ptp(gained[:, 2]) > 4.0


def test_that_an_oblique_plane_shows_every_piece_of_a_stroke(
    window: MainWindow, page: SegmentPage
) -> None:
    viewing = window.showing.viewing
    viewing.set_oblique(True)
    viewing.turn("coronal", 30.0)
    ready_to_paint(page, shape="sphere")
    view = window.stage.slices["axial"]
    view.grab()
    for number in range(1, 6):
        drag(view, across(view)[:number], end=False)
        drawn = view.grab().toImage()
        view.picture = Picture(view)
        assert view.grab().toImage() == drawn


def test_that_a_range_of_values_limits_the_brush(window: MainWindow, page: SegmentPage) -> None:
    before = ready_to_paint(page, "liver", "sphere")
    page.drawing.limits.take_range(500.0, 600.0)
    drag(window.stage.slices["axial"], across(window.stage.slices["axial"]))
    assert np.array_equal(labels_of(page).labels, before.labels)
    assert steps(page)[-1] == "segment"


def test_that_the_spot_gives_the_range(window: MainWindow, page: SegmentPage) -> None:
    ready_to_paint(page)
    view = window.stage.slices["axial"]
    page.drawing.limits.spot.setChecked(True)
    drag(view, across(view)[2:3])
    low, high = page.drawing.limits.low.value(), page.drawing.limits.high.value()
    assert page.drawing.limits.ranged.isChecked()
    assert -81.0 <= (low + high) / 2 <= 101.0


def test_that_wheel_and_brackets_size_the_brush(
    window: MainWindow, page: SegmentPage, qtbot: QtBot
) -> None:
    ready_to_paint(page)
    view, brush = window.stage.slices["axial"], page.drawing.brushes[0]
    place = QPointF(50, 50)
    turned = QWheelEvent(
        place, place, place.toPoint(), QPointF(0, 120).toPoint(), Qt.MouseButton.NoButton, CTRL,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, turned)
    assert brush.radius_mm == pytest.approx(1.15 * RADIUS_MM)
    qtbot.keyClick(view, Qt.Key.Key_BracketLeft)
    assert brush.radius_mm == pytest.approx(RADIUS_MM)
    assert page.drawing.brush.field.value() == pytest.approx(RADIUS_MM, abs=0.05)


def test_that_number_keys_choose_structures_while_a_tool_is_in_hand(
    window: MainWindow, page: SegmentPage, qtbot: QtBot
) -> None:
    ready_to_paint(page)
    qtbot.keyClick(window.stage.slices["axial"], Qt.Key.Key_2)
    assert page.bench.active == page.bench.structures[1].name
    page.drawing.choose("look")
    before = window.showing.viewing.window
    qtbot.keyClick(window.stage.slices["axial"], Qt.Key.Key_2)
    assert window.showing.viewing.window != before


def test_that_scissors_cut_one_slice_or_through_all(
    window: MainWindow, page: SegmentPage, qtbot: QtBot
) -> None:
    before = ready_to_paint(page, "liver")
    page.drawing.choose("scissors")
    view = window.stage.slices["axial"]
    middle = QPointF(view.width() / 2, view.height() / 2)
    corners = [QPointF(-40, -40), QPointF(40, -40), QPointF(40, 40), QPointF(-40, 40)]
    drag(view, [middle + corner for corner in corners])
    qtbot.waitUntil(lambda: not page.session.busy, timeout=60_000)
    gone = before.mask("liver") & ~labels_of(page).mask("liver")
    assert gone.any()
    assert len(np.unique(np.nonzero(gone)[2])) == 1


def test_that_what_a_killed_window_painted_is_there_again(case_path: Path) -> None:
    code = f"""
import os, signal, sys
from PySide6.QtWidgets import QApplication
app = QApplication(sys.argv)
from organtwin.ui.window import MainWindow
from tests.ui import test_workbench as t
from pathlib import Path
window = MainWindow(); window.resize(1280, 800); window.show()
window.open_case(Path({str(case_path)!r})); window.choose_page("segment")
app.processEvents()
page = window.page("segment")
t.ready_to_paint(page)
view = window.stage.slices["axial"]
t.drag(view, t.across(view))
t.drag(view, t.across(view, 60.0), end=False)
os.kill(os.getpid(), signal.SIGKILL)
"""
    run = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert run.returncode == -signal.SIGKILL
    with CaseFolder.open(case_path) as folder:
        assert [entry.done.step for entry in folder.entries][-2:] == ["segment", "edit"]
        before = folder.get(folder.get(folder.entries[-2].case).visits[0].labels)
        after = folder.get(folder.case.visits[0].labels)
        assert after.volume_ml("tumour-1") > before.volume_ml("tumour-1")


# -- the list -----------------------------------------------------------------------------------


def test_that_the_list_adds_renames_recolours_moves_and_removes(page: SegmentPage) -> None:
    bench = page.bench
    bench.add("cyst")
    assert bench.active == "cyst"
    bench.rename("cyst", "simple-cyst")
    bench.recolour("simple-cyst", (0.1, 0.2, 0.3))
    assert "simple-cyst" in page.structures.rows
    assert bench.structures[-1].colour == (0.1, 0.2, 0.3)
    assert bench.move("simple-cyst", -1)
    assert bench.structures[-2].name == "simple-cyst"
    bench.remove("simple-cyst")
    assert "simple-cyst" not in page.structures.rows
    assert steps(page)[-5:] == ["structure"] * 5


def test_that_structures_of_ones_own_are_told_apart_by_their_colours(page: SegmentPage) -> None:
    for name in ("a", "b", "c", "d", "e", "f", "g"):
        page.bench.add(name)
    colours = [s.colour for s in page.bench.structures]
    assert len(set(colours)) == len(colours)
    assert page.structures.rows["g"].volume.text() == "empty"


def test_that_a_long_name_is_shortened_in_its_row(page: SegmentPage) -> None:
    name = "a structure with a name far too long for the list"
    page.bench.add(name)
    button = page.structures.rows[name].name
    QApplication.processEvents()
    button.resize(150, button.height())
    assert "…" in button.text()
    button.resize(900, button.height())
    assert button.text() == name


def test_that_nothing_is_drawn_before_what_contains_it(page: SegmentPage) -> None:
    assert page.bench.structures[0].name == "liver"
    assert not page.bench.may_move(page.bench.structures[1].name, -1)


def test_that_one_click_marks_and_an_edit_takes_done_back(
    window: MainWindow, page: SegmentPage, qtbot: QtBot
) -> None:
    row = page.structures.rows["tumour-1"]
    for state in ("in progress", "done"):
        qtbot.mouseClick(row.state, LEFT)
        assert page.bench.work_on("tumour-1").state == state
    ready_to_paint(page)
    drag(window.stage.slices["axial"], across(window.stage.slices["axial"]))
    assert page.bench.work_on("tumour-1").state == "in progress"
    assert "in progress" in page.structures.rows["tumour-1"].state.accessibleName()


def test_that_a_review_names_who_opened_the_case(page: SegmentPage) -> None:
    page.bench.mark("liver", "reviewed")
    assert page.bench.work_on("liver").who == page.session.folder.who


def test_that_the_eye_hides_a_structure(page: SegmentPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(page.structures.rows["liver"].eye, LEFT)
    assert "liver" in page.showing.viewing.hidden
    qtbot.mouseClick(page.structures.rows["liver"].eye, LEFT)
    assert "liver" not in page.showing.viewing.hidden


def test_that_a_visit_without_labels_begins_with_a_structure(
    window: MainWindow, page: SegmentPage
) -> None:
    window.session.undo()
    assert page.bench.active == ""
    page.bench.add("liver")
    assert [s.name for s in page.bench.structures] == ["liver"]
    ready_to_paint(page, "liver")
    drag(window.stage.slices["axial"], across(window.stage.slices["axial"]))
    assert labels_of(page).volume_ml("liver") > 0


# -- seeds --------------------------------------------------------------------------------------


def scribbled(window: MainWindow, page: SegmentPage, qtbot: QtBot) -> None:
    """Draw a line in the liver and one around it, for growing."""
    page.show_group("find")
    qtbot.waitUntil(lambda: page.finding.method.list.count() > 0, timeout=30_000)
    page.finding.scribble()
    page.finding.structure.setCurrentText("liver")
    view = window.stage.slices["axial"]
    place = view.to_screen(to_lps(labels_of(page).affine, middle_of(page)))
    drag(view, [place + QPointF(step, 0.0) for step in (-15.0, 0.0, 15.0)])
    drag(view, [QPointF(view.width() / 2 + step, view.height() * 0.04) for step in (-9, 9)], CTRL)


def middle_of(page: SegmentPage) -> np.ndarray:
    """Index of a voxel of the liver in the axial slice shown."""
    labels = labels_of(page)
    k = round(float(to_index(labels.affine, page.showing.viewing.cursor_mm)[2]))
    places = np.argwhere(labels.labels[:, :, k] == labels.structure("liver").label)
    return np.array([*places[len(places) // 2], k])


def test_that_scribbles_are_previewed_and_applied(
    window: MainWindow, page: SegmentPage, qtbot: QtBot
) -> None:
    troubles: list[Trouble] = []
    page.session.failed.connect(troubles.append)
    before = page.session.case.visits[0].labels
    scribbled(window, page, qtbot)
    assert page.finding.seeding.told() == [
        told for told in page.finding.seeding.told() if "line" in told
    ]
    qtbot.waitUntil(lambda: page.finding.preview.shown, timeout=60_000)
    assert "\nPreview, not kept" in [said[1] for said in words(window.stage.slices["axial"])]
    assert page.session.case.visits[0].labels == before
    page._run.click()
    qtbot.waitUntil(lambda: page.session.case.visits[0].labels != before, timeout=60_000)
    entry = page.session.entries[-1].done
    assert entry.arguments["method"] == "grow-from-seeds"
    assert set(entry.arguments["scribbles"]) == {"liver", "background"}
    assert page.finding.seeding.spent == {*page.finding.seeding.seeds}
    assert troubles == []


def test_that_seeds_are_taken_away_singly_and_together(
    window: MainWindow, page: SegmentPage, qtbot: QtBot
) -> None:
    page.finding.live.setChecked(False)
    scribbled(window, page, qtbot)
    page.finding.live.setChecked(False)
    page.finding._remove()
    assert [seed.structure for seed in page.finding.seeding.seeds] == ["liver"]
    page.finding.seeding.clear()
    assert window.showing.viewing.scribbles == ()


def test_that_a_drawn_diameter_takes_the_place_of_the_number(
    window: MainWindow, page: SegmentPage
) -> None:
    page.show_group("find")
    page.finding.structure.setCurrentText("tumour-2")
    page.finding._chosen(page.finding.longest)
    page.finding.longest.setChecked(True)
    page.finding._chosen(page.finding.longest)
    view = window.stage.slices["axial"]
    drag(view, across(view))
    asked = page.finding.seeding.arguments("tumour-click", 30.0)
    assert list(asked["diameters"]) == ["tumour-2"]
    assert asked["diameters_mm"] == {}


def test_that_growing_goes_on_only_where_seeds_were_added() -> None:
    one = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0))
    two = ((0.0, 0.0, 0.0), (0.0, 2.0, 0.0))
    first, both = Seeds(scribbles={"liver": (one,)}), Seeds(scribbles={"liver": (one, two)})
    more = further(first, both)
    assert more is not None
    assert more.scribbles["liver"] == (two,)
    assert further(both, first) is None


def test_that_a_preview_leaves_what_it_finds_afresh_for_further_seeds(
    tmp_path: Path, phantom: tuple[Volume, LabelMap]
) -> None:
    volume, labels = phantom
    asked = {
        "objects": str(tmp_path / "objects"),
        "volume": ObjectFolder(tmp_path / "objects").put(volume),
        "labels": "",
        "organ": "liver",
        "method": "grow-from-seeds",
        "settings": {},
        "out": str(tmp_path / "out"),
    }
    places = to_lps(labels.affine, np.argwhere(labels.mask("liver"))[[0, 900, 1800]]).tolist()
    seeds = [{"points": {"liver": places[:n], "background": [[0.0, 0, 0]]}} for n in (2, 3)]
    lines = ({"seeds": seeds[0]}, {"seeds": seeds[0], "afresh": True}, {"seeds": seeds[1]})
    told: list[tuple[str, bool | None]] = []
    answer_previews(
        asked,
        [json.dumps(line) + "\n" for line in lines],
        lambda **part: told.append((part["part"], part.get("grown_on"))),
        Watch(),
    )
    assert told == [("found", False), ("idle", None), ("found", True), ("idle", None)]


def test_that_the_image_is_read_before_the_first_seed(
    window: MainWindow, page: SegmentPage, qtbot: QtBot
) -> None:
    page.show_group("find")
    qtbot.waitUntil(lambda: page.finding.method.list.count() > 1, timeout=30_000)
    page.finding.method.choose("grow-from-seeds")
    qtbot.waitUntil(lambda: page.finding.preview._child is not None, timeout=5_000)
    page.show_group("draw")
    assert page.finding.preview._child is None


def test_that_labels_of_another_visit_are_offered_to_be_carried(
    window: MainWindow, page: SegmentPage, qtbot: QtBot
) -> None:
    folder, case = window.session.folder, window.session.case
    later = replace(case.visits[0], day=30.0, labels="")
    folder.append(case.having(visits=(*case.visits, later)), Done("import"))
    window.session.case_changed.emit()
    window.showing.choose_visit(1)
    page.show_group("find")
    qtbot.waitUntil(lambda: page.finding.method.list.count() > 1, timeout=30_000)
    page.finding.method.choose("propagate")
    assert page.finding.step(1) == ("propagate", {"visit": 1, "start": 0})
    assert page._run.isEnabled()


def test_that_a_gesture_that_changes_nothing_is_told_without_a_dialog(
    window: MainWindow, page: SegmentPage, qtbot: QtBot
) -> None:
    page.bench.choose("tumour-1")
    page.drawing.choose("islands")
    with qtbot.waitSignal(page.session.failed, timeout=20_000) as caught:
        page.drawing.apply.click()
    assert "changes nothing" in caught.args[0].what
    assert window.findChildren(TroubleDialog) == []
