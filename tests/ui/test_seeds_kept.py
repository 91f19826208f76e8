"""Seeds stay with their visit, and come back with undo."""

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from organtwin.core.case import Case, Work
from organtwin.core.journal import Done
from organtwin.ui.pages.segment_page import SegmentPage
from organtwin.ui.seeding import Seeding
from organtwin.ui.window import MainWindow

LINE = [[0.0, 0.0, 0.0], [12.0, 0.0, 0.0]]
TO_CLICK = [[5.0, 5.0, 5.0]]


@pytest.fixture
def page(window: MainWindow) -> SegmentPage:
    window.choose_page("segment")
    shown = window.page("segment")
    assert isinstance(shown, SegmentPage)
    shown.show_group("find")
    shown.finding.live.setChecked(False)
    return shown


def segmented(page: SegmentPage, case: Case | None = None) -> Seeding:
    """Journal a step with a scribble in the liver and a tumour pointed at, as if just done."""
    asked = {"visit": 0, "method": "grow-from-seeds"}
    asked |= {"scribbles": {"liver": [LINE]}, "points": {"tumour-1": TO_CLICK}}
    asked |= {"diameters_mm": {"tumour-1": 22.0}}
    session = page.session
    session.folder.append(case or session.case, Done("segment", asked))
    session.case_changed.emit()
    session.done.emit("segment", "")
    return page.finding.seeding


def test_that_undo_brings_seeds_back_that_were_cleared(page: SegmentPage) -> None:
    seeding = segmented(page)
    assert seeding.seeds == ()
    page.session.undo()
    assert {seed.structure for seed in seeding.seeds} == {"liver", "tumour-1"}
    assert seeding.spent == frozenset()
    assert len(page.showing.viewing.marks) == len(page.showing.viewing.scribbles) == 1


def test_that_seeds_of_last_time_are_offered(page: SegmentPage) -> None:
    seeding = segmented(page)
    page.finding.refresh()
    assert not page.finding._again.isHidden()
    page.finding._again.click()
    assert len(seeding.seeds) == 2
    assert page.finding.diameter.value() == 22.0
    assert page.finding._again.isHidden()


def test_that_seeds_of_what_was_drawn_on_since_are_left_out(page: SegmentPage) -> None:
    seeding = segmented(page)
    page.session.undo()
    seeding._spent[seeding._key] = frozenset(seeding.seeds)
    drawn = page.session.case.with_visit(0, work=(Work("tumour-1", "in progress"),))
    page.session.folder.append(drawn, Done("edit"))
    page.session.case_changed.emit()
    assert list(seeding.arguments("grow-from-seeds", 30.0)["points"]) == []
    assert list(seeding.arguments("grow-from-seeds", 30.0)["scribbles"]) == ["liver"]
    assert seeding.told()[0] == "tumour-1: point, left out"


def test_that_a_click_on_a_tumour_takes_no_other_seeds_along(page: SegmentPage) -> None:
    seeding = segmented(page)
    page.session.undo()
    asked = seeding.arguments("tumour-click", 30.0)
    assert (asked["points"], asked["scribbles"]) == ({"tumour-1": TO_CLICK}, {})


def test_that_veins_are_corrected_by_points_in_veins_only(page: SegmentPage) -> None:
    seeding = segmented(page)
    page.session.undo()
    assert seeding.given("vessels") == ()
    seeding.add([np.array(TO_CLICK[0])], structure="portal-vein", longest=False)
    assert seeding.arguments("vessels", 30.0)["points"] == {"portal-vein": TO_CLICK}
    assert seeding.arguments("vessels", 30.0)["scribbles"] == {}


def test_that_seeds_of_another_visit_are_not_shown(page: SegmentPage, qtbot: QtBot) -> None:
    session, first = page.session, page.session.case.visits[0]
    later = session.case.having(visits=(first, type(first)(30.0, None, first.volume)))
    seeding = segmented(page, later)
    page.session.undo()
    page.session.redo()
    page.session.folder.append(later, Done("import"))
    session.case_changed.emit()
    assert len(seeding.seeds) == 2
    page.showing.choose_visit(1)
    qtbot.waitUntil(lambda: seeding.seeds == ())
    page.showing.choose_visit(0)
    qtbot.waitUntil(lambda: len(seeding.seeds) == 2)


def test_that_seeds_may_be_of_a_structure_whose_name_is_typed(page: SegmentPage) -> None:
    name = page.finding.structure
    name.setEditText("adrenal gland")
    name.lineEdit().editingFinished.emit()
    assert page.finding.seeding.structure == "adrenal gland"
    name.setEditText("Liver")
    name.lineEdit().editingFinished.emit()
    assert page.finding.seeding.structure == name.currentText() == "adrenal gland"
    assert "nearly 'liver'" in page.finding._told.text()


def test_that_all_visits_is_not_offered_where_all_have_labels(
    page: SegmentPage, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: page.finding.method.list.count() > 0, timeout=30_000)
    page.finding.method.choose("liver-ct")
    assert not page._all.isEnabled()
    assert "Every visit has labels already" in page._all.toolTip()


def test_that_a_brush_for_what_lies_in_the_organ_eats_no_other_structure(page: SegmentPage) -> None:
    page.show_group("draw")
    page.drawing.choose("paint")
    over = page.drawing.limits.over
    page.bench.choose("tumour-1")
    assert (over.currentText(), page.drawing.limits.arguments()["over"]) == (
        "Empty and liver",
        "empty",
    )
    page.bench.choose("liver")
    assert over.currentText() == "Everything"
    over.setCurrentIndex(over.findText("Everything"))
    over.activated.emit(over.currentIndex())
    page.bench.choose("tumour-1")
    assert over.currentText() == "Everything"
