"""What a method leaves of the labels so far that it is not asked for."""

import numpy as np

from organtwin.core.labelmap import CodedTerm, LabelMap, Structure, stacked
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.segmenting import Request, method
from organtwin.segmenting.composed import composed
from organtwin.segmenting.naming import named
from organtwin.segmenting.remarks import Remark
from organtwin.segmenting.seeds import Seeds
from tests.segmenting.abdomen import abdomen

CODE = CodedTerm("", "99ORGANTWIN", "a thing")
ONE, TWO, EMPTY = (
    Structure(name, label, "other", CODE, (0.5, 0.5, 0.5))
    for label, name in enumerate(("one", "two", "empty"), start=11)
)


def so_far() -> LabelMap:
    """Two boxes that share voxels, and a structure that nothing is in yet."""
    one, two = np.zeros((2, 30, 30, 30), bool)
    one[2:10, 2:10, 2:10] = True
    two[6:14, 2:10, 2:10] = True
    both = stacked({"one": one, "two": two}, (ONE, TWO), np.eye(4), overlapping=True)
    return LabelMap(both.labels, both.affine, (ONE, TWO, EMPTY), both.beneath)


def test_that_structures_that_overlap_stay_whole_and_empty_ones_stay_listed() -> None:
    values = np.zeros((30, 30, 30), np.int16, order="F")
    values[18:26, 18:26, 18:26] = 200
    volume = Volume(values, np.eye(4), "HU", "CT", GeometryReport((1.0, 1.0, 1.0), "LPS"))
    before = so_far()
    seeds = Seeds(points={"new": ((22.0, 22.0, 22.0),)})
    made = method("threshold").labelled(
        Request(volume, organ("liver"), seeds, before, {"lowest": 100.0}), Watch()
    )
    assert made.volume_ml("new") > 0.4
    for name in ("one", "two", "empty"):
        assert np.array_equal(made.mask(name), before.mask(name))


def test_that_a_label_that_a_renamed_structure_has_is_not_given_again() -> None:
    values = np.ones((4, 4, 4), np.uint8, order="F")
    labels = LabelMap(values, np.eye(4), (Structure("mine", 1, "organ", CODE, (1.0, 0, 0)),))
    (liver,) = named(["liver"], organ("liver"), labels)
    assert liver.label not in (0, 1)


def test_that_the_automatic_liver_leaves_what_a_person_renamed_and_what_overlaps() -> None:
    patient = abdomen()
    mine = Structure("mine", 1, "organ", CODE, (1.0, 0.0, 0.0))
    known = Structure("known", 101, "tumour", CODE, (1.0, 1.0, 0.0), "mine")
    half = patient.liver.copy()
    half[: half.shape[0] // 4] = False
    masks = {"mine": half | patient.tumour, "known": patient.tumour, "one": half}
    affine = patient.volume.affine
    before = stacked(masks, (mine, known, ONE), affine, overlapping=True)
    made = method("liver-ct").labelled(
        Request(patient.volume, organ("liver"), Seeds(), before), Watch()
    )
    assert {s.name for s in made.structures} == {"mine", "known", "one", "liver"}
    for name in masks:
        assert np.array_equal(made.mask(name), before.mask(name))


def test_that_what_is_cut_off_outside_the_organ_is_told() -> None:
    inner = Structure("inner", 12, "other", CODE, (0.5, 0.5, 0.5), "one")
    box, part = np.zeros((2, 20, 20, 20), bool)
    box[:10], part[5:11] = True, True
    part[10:, 1:] = False
    volume = Volume(
        np.zeros(box.shape, np.int16, order="F"),
        np.eye(4),
        "HU",
        "CT",
        GeometryReport((1.0, 1.0, 1.0), "LPS"),
    )
    told: list[str] = []
    amber: list[Remark] = []
    request = Request(volume, organ("liver"), note=told.append, remark=amber.append)
    composed({"one": box, "inner": part}, (ONE, inner), request, overlapping=False)
    assert told == ["inner was cut by 0.02 mL (1.0%) outside one"]
    assert [one.what for one in amber] == ["was cut by 0.02 mL (1.0%) outside one"]
