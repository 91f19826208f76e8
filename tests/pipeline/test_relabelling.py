"""What new labels do to those that a visit has, and what they may not do unasked."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.casefolder import CaseFolder
from organtwin.core.case import Case, Visit, Work
from organtwin.core.errors import BadArgument, EmptyLabel, WouldReplace
from organtwin.core.journal import Done
from organtwin.core.labelmap import LabelMap, stacked
from organtwin.core.watch import Watch
from organtwin.exporting.nifti import write_voxels
from organtwin.organs import tumour
from organtwin.pipeline import run_step
from organtwin.pipeline.relabelling import merged
from organtwin.segmenting.naming import numbered_by_place
from tests.editing.grounds import AFFINES, KIDNEY, ball_mask, image
from tests.phantoms import LIVER

AT = AFFINES["even"]
BODY, SPOT = ball_mask(AT, (0, 0, 0), 17.0), ball_mask(AT, (4, 0, 0), 4.0)
ONE = ball_mask(AT, (-8, 0, 0), 4.0)
BRIGHT = {"method": "threshold", "settings": {"lowest": 150.0}}
HOLLOW = {
    "method": "threshold",
    "settings": {"lowest": 50.0, "highest": 150.0},
    "points": {"liver": [[0.0, 12.0, 0.0]]},
}
"""The liver without what is bright in it."""


def labels_so_far() -> LabelMap:
    masks = {"liver": BODY, "tumour-1": ONE}
    return stacked(masks, (LIVER, tumour(1, "liver")), AT, overlapping=True)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[CaseFolder]:
    with CaseFolder.create(tmp_path / "case", Case("P")) as made:
        volume = made.put(image(100 * BODY + 100 * SPOT, AT))
        visit = Visit(0.0, date(2026, 1, 1), volume, made.put(labels_so_far()), seen=True)
        made.append(Case("P", visits=(visit,)), Done("made"))
        yield made


def do(folder: CaseFolder, name: str, **arguments: Any) -> str:
    case, done = run_step(name, folder.case, folder, arguments=arguments, watch=Watch())
    folder.append(case, done)
    return done.summary


def labels_of(folder: CaseFolder) -> LabelMap:
    found: LabelMap = folder.get(folder.case.visits[0].labels)
    return found


def seeds(name: str) -> dict[str, Any]:
    return {**BRIGHT, "points": {name: [[4.0, 0.0, 0.0]]}}


def file_of(tmp_path: Path, **masks: Any) -> str:
    values = np.zeros(BODY.shape, np.uint8, order="F")
    names = dict(enumerate(masks, start=1))
    for value, name in names.items():
        values[masks[name]] = value
    path = tmp_path / "labels.nii.gz"
    write_voxels(path, values, AT, names=names, watch=Watch())
    return str(path)


def test_that_a_new_structure_in_the_organ_takes_nothing_from_it(folder: CaseFolder) -> None:
    said = do(folder, "segment", **seeds("abscess"))
    made = labels_of(folder)
    assert np.array_equal(made.mask("liver"), BODY)
    assert np.array_equal(made.mask("abscess"), SPOT)
    assert made.structure("abscess").within == "liver"
    assert "→" not in said


def test_that_a_new_structure_across_a_border_lies_over_the_organ(folder: CaseFolder) -> None:
    across = {"method": "threshold", "points": {"all": [[4.0, 0.0, 0.0]]}}
    do(folder, "segment", **across, settings={"lowest": -10.0, "highest": 500.0})
    made = labels_of(folder)
    assert made.volume_ml("all") > made.volume_ml("liver")
    assert np.array_equal(made.mask("liver"), BODY)
    assert np.array_equal(made.mask("tumour-1"), ONE)


def test_that_what_changes_is_said_with_both_volumes(folder: CaseFolder) -> None:
    before = labels_of(folder).volume_ml("liver")
    said = do(folder, "segment", **HOLLOW)
    after = labels_of(folder).volume_ml("liver")
    assert f"liver {before:.1f} → {after:.1f} mL" in said


def test_that_what_is_reviewed_changes_only_when_that_is_asked_for(folder: CaseFolder) -> None:
    do(folder, "mark", structure="liver", state="reviewed", who="Dr A")
    with pytest.raises(WouldReplace, match="reviewed by Dr A"):
        do(folder, "segment", **HOLLOW)
    said = do(folder, "segment", **HOLLOW, replace=True)
    assert "; liver is no longer reviewed by Dr A" in said


def test_that_a_tumour_does_not_become_another_lesion_unasked(folder: CaseFolder) -> None:
    with pytest.raises(WouldReplace, match="another number"):
        do(folder, "segment", **seeds("tumour-1"))
    do(folder, "segment", **seeds("tumour-2"))
    assert np.array_equal(labels_of(folder).mask("tumour-1"), ONE)


def test_that_lesions_found_by_a_method_keep_clear_of_numbers_in_use() -> None:
    found = {"liver": BODY, "tumour-1": SPOT, "tumour-2": ONE}
    numbered = numbered_by_place(found, labels_so_far())
    assert list(numbered) == ["liver", "tumour-2"]
    assert numbered["tumour-2"] is SPOT


def test_that_a_file_of_labels_leaves_what_it_does_not_name(
    folder: CaseFolder, tmp_path: Path
) -> None:
    smaller = ball_mask(AT, (0, 0, 0), 15.0)
    said = do(folder, "label", path=file_of(tmp_path, liver=smaller, gallbladder=SPOT))
    made = labels_of(folder)
    assert np.array_equal(made.mask("tumour-1"), ONE)
    assert np.array_equal(made.mask("liver"), smaller & ~SPOT)
    assert "gallbladder" in [s.name for s in made.structures]
    assert f"liver {BODY.sum() / 1000:.1f} → {(smaller & ~SPOT).sum() / 1000:.1f} mL" in said


def test_that_a_file_replaces_what_is_drawn_by_hand_only_when_asked(
    folder: CaseFolder, tmp_path: Path
) -> None:
    do(folder, "mark", structure="liver", state="in progress")
    smaller = file_of(tmp_path, liver=ball_mask(AT, (0, 0, 0), 15.0))
    with pytest.raises(WouldReplace, match="in progress"):
        do(folder, "label", path=smaller)
    do(folder, "label", path=smaller, replace=True)
    assert labels_of(folder).volume_ml("liver") < 15.0


def test_that_a_name_in_a_file_that_is_nearly_one_there_is_refused() -> None:
    other = LabelMap(BODY.astype(np.uint8), AT, (LIVER,))
    mine = LabelMap(
        BODY.astype(np.uint8) * 11,
        AT,
        (replace(KIDNEY, name="Liver"),),
    )
    with pytest.raises(BadArgument, match="nearly"):
        merged(mine, other)


def test_that_a_structure_renamed_has_the_code_of_its_new_name(folder: CaseFolder) -> None:
    do(folder, "mark", structure="liver", state="reviewed", who="A")
    said = do(folder, "structure", do="rename", structure="liver", to="spleen")
    spleen = labels_of(folder).structure("spleen")
    assert (spleen.kind, spleen.code.meaning) == ("other", "Anatomical structure")
    assert said.endswith("liver is no longer reviewed by A")
    do(folder, "structure", do="rename", structure="spleen", to="portal-vein")
    assert labels_of(folder).structure("portal-vein").kind == "vessel"


def test_that_what_is_only_spelled_otherwise_stays_reviewed(folder: CaseFolder) -> None:
    do(folder, "structure", do="rename", structure="tumour-1", to="left lobe")
    do(folder, "mark", structure="left lobe", state="reviewed", who="A")
    do(folder, "structure", do="rename", structure="left lobe", to="Left-Lobe")
    assert folder.case.visits[0].work == (Work("Left-Lobe", "reviewed", "A"),)


def test_that_a_structure_without_voxels_is_neither_done_nor_reviewed(folder: CaseFolder) -> None:
    do(folder, "structure", do="add", structure="cyst")
    with pytest.raises(EmptyLabel, match="no voxels"):
        do(folder, "mark", structure="cyst", state="done")
