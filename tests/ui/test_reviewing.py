"""What nobody looked at, what a review lost, what a method remarked: told where it matters."""

from collections.abc import Sequence

import pytest
from pytestqt.qtbot import QtBot

from organtwin.core.case import Work
from organtwin.core.journal import Done
from organtwin.ui.pages.segment_page import SegmentPage
from organtwin.ui.window import MainWindow


@pytest.fixture
def page(window: MainWindow) -> SegmentPage:
    window.choose_page("segment")
    shown = window.page("segment")
    assert isinstance(shown, SegmentPage)
    return shown


def finish(page: SegmentPage, names: Sequence[str] = ()) -> None:
    for structure in page.bench.structures:
        if not names or structure.name in names:
            page.bench.mark(structure.name, "reviewed")


def step(page: SegmentPage, done: Done, **changes: object) -> None:
    """Journal a step as if just done."""
    page.session.folder.append(page.session.case.with_visit(0, **changes), done)
    page.session.case_changed.emit()
    page.session.done.emit(done.step, done.summary)


def test_that_labels_are_ticked_only_once_all_of_them_were_looked_at(page: SegmentPage) -> None:
    assert page.standing()[0] == "half"
    assert "tumour-1" in page.standing()[1]
    finish(page, ["liver"])
    assert page.standing()[0] == "half"
    finish(page)
    assert page.standing()[0] == "done"


@pytest.mark.parametrize("name", ["mesh", "update", "compare", "report"])
def test_that_a_page_says_when_it_rests_on_unreviewed_labels(
    window: MainWindow, page: SegmentPage, qtbot: QtBot, name: str
) -> None:
    finish(page, [s.name for s in page.bench.structures if s.name != "tumour-1"])
    window.choose_page(name)
    told = window.page(name)._rests
    assert told.text() == "Rests on unreviewed labels (tumour-1)"
    assert told.isVisible()
    page.bench.mark("tumour-1", "done")
    assert not told.isVisible()


def test_that_a_review_that_ended_is_told_in_its_row(window: MainWindow, page: SegmentPage) -> None:
    finish(page)
    kept = tuple(w for w in page.session.case.visits[0].work if w.structure != "liver")
    said = "visit 0: liver 1.0 → 2.0 mL; liver is no longer reviewed by tester"
    step(page, Done("segment", {"visit": 0}, summary=said), work=kept)
    assert window.status.message.property("role") == "warn"
    assert "liver is no longer reviewed by" in page.structures._doubts._told.text()
    assert page.structures.rows["liver"].look.isVisible()
    assert not page.structures.rows["tumour-1"].look.isVisible()
    page.session.undo()
    assert not page.structures._doubts.isVisible()


def test_that_a_remark_stands_by_its_structure_until_it_is_answered(page: SegmentPage) -> None:
    remarks = (
        {
            "structure": "liver",
            "what": "is cut off by the image's upper end",
            "place_mm": [1, 2, 3],
        },
        {"structure": "", "what": "the image is 4 all over", "place_mm": None},
    )
    step(page, Done("segment", {"visit": 0}, remarks=remarks, changed=("liver",)))
    row = page.structures.rows["liver"]
    assert page.structures._doubts._told.text().splitlines() == [
        "the image is 4 all over",
        "liver is cut off by the image's upper end at L 1 P 2 S 3 mm",
    ]
    row.look.click()
    assert page.showing.viewing.cursor_mm.tolist() == [1.0, 2.0, 3.0]
    step(page, Done("mark", {"visit": 0, "structure": "liver", "state": "done"}),
         work=(Work("liver", "done"),))  # fmt: skip
    assert not row.look.isVisible()
