"""What a gesture does to the work on structures, and lists of structures that are awkward."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.casefolder import CaseFolder
from organtwin.core.canvas import Canvas
from organtwin.core.case import Case, Work
from organtwin.core.errors import BadArgument, Stopped
from organtwin.core.watch import Watch
from organtwin.editing import changed_by, edit, structures
from organtwin.pipeline import run_step
from tests.editing.grounds import AFFINES, KIDNEY, LESION, LIVER, ball_mask, labelled, same
from tests.editing.test_steps import DOT, do, first_case, labels_of, paint

AT = AFFINES["even"]


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    with CaseFolder.create(tmp_path / "case", Case("P")) as made:
        first_case(made)
        yield made


def objects_in(root: Path) -> list[Path]:
    return sorted(root.glob("??/*"))


def crossing() -> Canvas:
    """A kidney of two pieces, the smaller one beneath a liver."""
    kidney = ball_mask(AT, (-15, 0, 0), 4.0) | ball_mask(AT, (12, 0, 0), 2.0)
    canvas = Canvas(labelled({KIDNEY: kidney, LIVER: ball_mask(AT, (15, 15, 0), 1.0)}, AT))
    over = {"structure": "liver", "points": [[12, 0, 0]], "radius_mm": 5.0, "overlapping": True}
    change = changed_by(edit("paint"), canvas, None, over)
    assert change is not None
    canvas.apply(change)
    return canvas


def test_that_a_review_ends_when_voxels_move_though_their_number_stays(folder: CaseFolder) -> None:
    do(folder, "mark", structure="liver", state="reviewed", who="A")
    before = labels_of(folder)
    smooth = {"structure": "liver", "by_mm": 3.0, "how": "median", "volume": "kept"}
    do(folder, "edit", tool="smooth", arguments=smooth)
    assert labels_of(folder).volume_ml("liver") == before.volume_ml("liver")
    assert not np.array_equal(labels_of(folder).mask("liver"), before.mask("liver"))
    assert folder.case.visits[0].work == (Work("liver", "in progress"),)


def test_that_another_order_of_drawing_leaves_what_was_reviewed(folder: CaseFolder) -> None:
    do(folder, "structure", do="add", structure="cyst")
    dot = {"structure": "cyst", "points": [[0.0, 0, 0]], "radius_mm": 3.0, "overlapping": True}
    do(folder, "edit", tool="paint", arguments=dot)
    do(folder, "mark", structure="cyst", state="reviewed", who="A")
    do(folder, "structure", do="reorder", order=["cyst", "liver", "portal-vein"])
    assert labels_of(folder).beneath
    assert folder.case.visits[0].work_on("cyst") == Work("cyst", "reviewed", "A")


def test_that_only_renaming_renames_the_work(folder: CaseFolder) -> None:
    do(folder, "mark", structure="liver", state="done")
    do(folder, "structure", do="recolour", structure="liver", to="else", colour=[1, 0, 0])
    assert folder.case.visits[0].work == (Work("liver", "done"),)
    do(folder, "structure", do="rename", structure="liver", to="LIVER-")
    assert folder.case.visits[0].work == (Work("LIVER-", "done"),)


def test_that_a_structure_is_added_though_its_label_was_renamed_away(folder: CaseFolder) -> None:
    do(folder, "structure", do="rename", structure="portal-vein", to="mine")
    do(folder, "structure", do="add", structure="portal-vein")
    assert paint(folder).startswith("visit 0: paint: portal-vein 0.00")


def test_that_pieces_beneath_others_are_split_and_joined_again() -> None:
    canvas = crossing()
    before = canvas.frozen()
    change = changed_by(edit("islands"), canvas, None, {"structure": "kidney", "keep": "split"})
    assert change is not None
    canvas.apply(change)
    apart = before.mask("kidney") & (before.labels != KIDNEY.label)
    assert np.array_equal(canvas.labels.mask("kidney-2"), apart)
    canvas.revert(change)
    assert same(canvas.labels, before)


def test_that_a_removed_structure_beneath_others_comes_back() -> None:
    canvas = crossing()
    before = canvas.frozen()
    change = structures.removed(canvas, "kidney")
    assert change is not None
    canvas.apply(change)
    canvas.revert(change)
    assert same(canvas.labels, before)


def test_that_a_new_name_cannot_make_structures_contain_each_other() -> None:
    lost = replace(LESION, within="gone")
    inner = replace(KIDNEY, within="lesion")
    canvas = Canvas(
        labelled({lost: ball_mask(AT, (0, 0, 0), 6.0), inner: ball_mask(AT, (0, 0, 0), 3.0)}, AT)
    )
    with pytest.raises(BadArgument, match="circle"):
        structures.renamed(canvas, "kidney", "gone")


def test_that_what_gets_the_name_of_a_container_is_drawn_before_what_it_contains() -> None:
    lost = replace(LESION, within="gone")
    masks = {lost: ball_mask(AT, (0, 0, 0), 6.0), LIVER: ball_mask(AT, (9, 0, 0), 3.0)}
    with pytest.raises(BadArgument, match="drawn before"):
        structures.renamed(Canvas(labelled(masks, AT)), "liver", "gone")


@pytest.mark.parametrize(
    "asked",
    [
        {"do": "rename", "structure": "liver", "to": "background"},
        {"do": "rename", "structure": "liver", "to": 5},
        {"do": "recolour", "structure": "liver", "colour": 5},
        {"do": "reorder", "order": [5, "liver"]},
    ],
)
def test_that_a_list_is_not_changed_by_nonsense(folder: CaseFolder, asked: dict[str, Any]) -> None:
    with pytest.raises(BadArgument):
        do(folder, "structure", **asked)


def test_that_a_number_too_long_for_a_place_is_refused(folder: CaseFolder) -> None:
    dot = {"structure": "liver", "points": [[10**400, 0, 0]]}
    with pytest.raises(BadArgument, match="three numbers"):
        do(folder, "edit", tool="paint", arguments=dot)


def test_that_what_a_program_killed_before_the_journal_left_goes(folder: CaseFolder) -> None:
    before = objects_in(folder.objects.root)
    asked = {"tool": "paint", "arguments": DOT}
    case, _ = run_step("edit", folder.case, folder, arguments=asked, watch=Watch())
    folder.objects.put_last(case)
    folder.close()
    assert len(objects_in(folder.objects.root)) == len(before) + 2
    with CaseFolder.open(folder.path):
        assert objects_in(folder.objects.root) == before


def stroke_and_fail(folder: CaseFolder) -> None:
    with folder.trying():
        asked = {"tool": "paint", "arguments": DOT | {"points": [[9.0, 0, 0]]}}
        run_step("edit", folder.case, folder, arguments=asked, watch=Watch())
        raise Stopped("")


def test_that_a_chain_knows_its_length_after_a_step_that_failed(folder: CaseFolder) -> None:
    for x in (0.0, 3.0, 6.0):
        paint(folder, x)
    held = labels_of(folder)
    with pytest.raises(Stopped):
        stroke_and_fail(folder)
    paint(folder, -3.0)
    assert folder.objects.as_put(folder.case.visits[0].labels).depth == 4
    assert not same(labels_of(folder), held)


def test_that_a_stroke_that_would_take_minutes_is_refused(folder: CaseFolder) -> None:
    dot = {"structure": "liver", "points": [[0, 0, 0]] * 90_000, "radius_mm": 500.0}
    with pytest.raises(BadArgument, match="too many points"):
        do(folder, "edit", tool="paint", arguments=dot)
