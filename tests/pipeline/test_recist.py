"""Targets followed over the visits of a case."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from organtwin.casefolder import ObjectFolder
from organtwin.core.case import Case, Visit, Work
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.registration import Registration
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.organs import tumour
from organtwin.pipeline import run_step
from organtwin.pipeline.recist import BY_NAME, course_of, section_of
from organtwin.updating.carrying import carried
from tests.phantoms import LIVER, ball, painted

ONE, TWO = tumour(1, "liver"), tumour(2, "liver")
LEFT, RIGHT = (-25.0, 0.0, 0.0), (25.0, 0.0, 0.0)


def labels(
    first: tuple[tuple[float, ...], float], second: tuple[tuple[float, ...], float]
) -> LabelMap:
    shapes = {LIVER: ball((0, 0, 0), 50), ONE: ball(*first), TWO: ball(*second)}
    return painted(shapes, half_mm=(52, 52, 52))


BASELINE = labels((LEFT, 15.0), (RIGHT, 10.0))
SWAPPED = labels((RIGHT, 14.0), (LEFT, 9.0))


def a_case(store: ObjectFolder, later: LabelMap, **more: object) -> Case:
    report = GeometryReport((2.0, 2.0, 2.0), "LPS")
    volume = store.put(Volume(np.zeros(BASELINE.labels.shape, np.int16), BASELINE.affine, "HU",
                              "CT", report))  # fmt: skip
    second = Visit(30.0, date(2026, 1, 31), volume, store.put(later), **more)
    return Case("P", visits=(Visit(0.0, date(2026, 1, 1), volume, store.put(BASELINE)), second))


@pytest.fixture
def store(tmp_path: Path) -> ObjectFolder:
    return ObjectFolder(tmp_path / "objects")


def test_that_targets_that_were_chosen_stay_in_the_case(store: ObjectFolder) -> None:
    case = a_case(store, SWAPPED)
    kept, done = run_step(
        "targets", case, store, arguments={"targets": ["tumour-2"]}, watch=Watch()
    )
    assert done.summary == "tumour-2"
    assert [t.structure for t in course_of(kept, store, Watch()).targets] == ["tumour-2"]
    with pytest.raises(BadArgument, match="no structure 'spleen'"):
        run_step("targets", case, store, arguments={"nodes": ["spleen"]}, watch=Watch())


def test_that_tumours_of_a_registered_visit_are_told_by_place(store: ObjectFolder) -> None:
    """Names are by size: here the small one grew from 20 to 28 mm, the large shrank 30 → 18.

    Outlines of voxels of 2 mm are up to a voxel longer.
    """
    here = Registration.identity()
    moved = carried(SWAPPED, here, BASELINE)
    case = a_case(store, SWAPPED, registration=store.put(here), baseline_labels=store.put(moved))
    found = course_of(case, store, Watch())
    assert [t.structure for t in found.targets] == ["tumour-1", "tumour-2"]
    assert found.sums[0].sizes_mm == pytest.approx((30.0, 20.0), abs=2.0)
    assert found.sums[1].sizes_mm == pytest.approx((18.0, 28.0), abs=2.0)
    assert found.sums[1].response == "stable disease"


def test_that_without_registration_names_count_and_that_is_said(store: ObjectFolder) -> None:
    found = course_of(a_case(store, SWAPPED), store, Watch())
    assert found.sums[1].sizes_mm == pytest.approx((28.0, 18.0), abs=2.0)
    assert f"day 30: {BY_NAME}" in found.notes


def test_that_a_report_says_the_sums(store: ObjectFolder) -> None:
    case = a_case(store, SWAPPED)
    (table, _) = section_of(course_of(case, store, Watch()), case.visits[0].labels).blocks
    assert table.caption == "tumour-1 + tumour-2"
    assert [row[-1].text for row in table.rows] == ["baseline", "stable disease"]


def test_that_what_was_only_carried_is_not_evaluated(store: ObjectFolder) -> None:
    case = a_case(store, SWAPPED, work=(Work("tumour-1", "carried"),))
    found = course_of(case, store, Watch())
    assert found.sums[1].sizes_mm[0] is None
    assert (found.sums[1].total_mm, found.sums[1].response) == (None, "not evaluable")


def test_that_a_target_without_voxels_is_gone_and_one_not_labelled_is_unknown(
    store: ObjectFolder,
) -> None:
    empty = np.where(SWAPPED.labels == TWO.label, 1, SWAPPED.labels).astype(np.uint8)
    gone = LabelMap(empty, SWAPPED.affine, SWAPPED.structures)
    absent = LabelMap(empty, SWAPPED.affine, (LIVER, ONE))
    sizes = [
        course_of(a_case(store, one), store, Watch()).sums[1].sizes_mm for one in (gone, absent)
    ]
    assert [size[1] for size in sizes] == [0.0, None]
