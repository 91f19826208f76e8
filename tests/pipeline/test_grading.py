"""The grade of a geometry goes with every number that rests on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin import tables
from organtwin.casefolder import ObjectFolder
from organtwin.core.case import Case, Visit
from organtwin.core.errors import BadInput
from organtwin.core.labelmap import LabelMap, stacked
from organtwin.core.observation import Observation
from organtwin.core.scenario import Comparison, Outcome, Quantity, Scenario
from organtwin.core.twin import Score
from organtwin.core.volume import GeometryReport, Grade, Volume
from organtwin.core.watch import Watch
from organtwin.organs import organ, tumour
from organtwin.pipeline import run_step
from organtwin.pipeline.grading import doubts, graded_observation, graded_outcome
from organtwin.reporting import Table, labels_section

AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
SAID = "geometry of day 0 acknowledged, not good: every voxel that slices reach lies within 1.50 mm"


@pytest.fixture
def store(tmp_path: Path) -> ObjectFolder:
    return ObjectFolder(tmp_path / "objects")


def report_of(grade: Grade) -> GeometryReport:
    return GeometryReport(
        (2.0, 2.0, 3.0), "LPS", grade=grade, findings=("a gap",), residual_mm=1.5,
        interpolated_ml=12.44, naive_offset_mm=48.84,
    )  # fmt: skip


def labels() -> LabelMap:
    """A box of 10 by 10 by 6 voxels: its ends are two faces of 20 by 20 mm."""
    box = np.zeros((20, 20, 20), dtype=bool)
    box[5:15, 5:15, 5:11] = True
    lesion = np.zeros_like(box)
    lesion[8:12, 8:12, 6:8] = True
    structures = (organ("liver").structure("liver"), tumour(1, "liver"))
    return stacked({"liver": box, "tumour-1": lesion}, structures, AFFINE)


def a_case(store: ObjectFolder, grade: Grade) -> Case:
    volume = Volume(np.zeros((20, 20, 20), np.int16), AFFINE, "HU", "CT", report_of(grade))
    visit = Visit(0.0, date(2026, 1, 1), store.put(volume), store.put(labels()), seen=True)
    return Case("P", visits=(visit,))


def test_that_the_consequence_is_said_in_mm_and_ml() -> None:
    assert report_of("withheld").consequence == (
        "every voxel that slices reach lies within 1.50 mm of a measured one; 12.4 mL of the image "
        "rest on slices that were never taken: the border of a volume or margin there may lie "
        "up to 1.5 mm off along the normal; taken for an even upright stack, a slice would "
        "lie up to 48.8 mm off"
    )


def test_that_the_ends_of_a_box_are_two_faces() -> None:
    assert labels().ends_mm2("liver") == 2 * 20 * 20


def test_that_a_structure_cut_by_the_images_ends_there() -> None:
    whole = np.ones((4, 4, 4), dtype=bool)
    filled = stacked({"liver": whole}, (organ("liver").structure("liver"),), AFFINE)
    assert filled.ends_mm2("liver") == 2 * 8 * 8


def test_that_half_a_gap_at_each_end_bounds_a_volume() -> None:
    # Both ends of a 20 by 20 mm box off by 1.5 mm: 2 · 400 mm² · 1.5 mm = 1.2 mL.
    assert labels().unsure_ml("liver", report_of("acknowledged")) == pytest.approx(1.2)


@pytest.mark.parametrize(
    ("grade", "cells"),
    [
        ("good", (7.2, pytest.approx(1.2), "good")),
        ("acknowledged", (7.2, pytest.approx(1.2), "acknowledged")),
        ("withheld", ("withheld", None, "withheld")),
    ],
)
def test_that_a_table_of_volumes_says_the_grade(
    store: ObjectFolder, grade: Grade, cells: tuple[Any, ...]
) -> None:
    found = tables.structures(a_case(store, grade), store).rows[0]
    assert found == (0, "liver", *cells, "not started")


def test_that_a_table_of_visits_says_the_consequence(store: ObjectFolder) -> None:
    (row,) = tables.visits(a_case(store, "withheld"), store).as_json()
    assert "48.8 mm off" in row["consequence"]


@pytest.mark.parametrize("step", ["mesh", "believe"])
def test_that_withheld_geometry_stops_every_step_that_measures(
    store: ObjectFolder, step: str
) -> None:
    with pytest.raises(BadInput, match="withholds volumes"):
        run_step(step, a_case(store, "withheld"), store, arguments={}, watch=Watch())


def test_that_only_an_acknowledged_geometry_is_a_doubt(store: ObjectFolder) -> None:
    assert doubts(a_case(store, "good"), store, [0]) == ()
    (doubt,) = doubts(a_case(store, "acknowledged"), store, [0])
    assert doubt.startswith(SAID)


def test_that_every_number_of_an_outcome_names_the_doubt(store: ObjectFolder) -> None:
    rows = tuple(Quantity(name, "liver", 1.0, "mm", basis="b") for name in ("a", "b"))
    outcome = Outcome(Scenario("wait", 0.0, ()), rows)
    told = graded_outcome(outcome, doubts(a_case(store, "acknowledged"), store, [0]))
    assert all(q.basis.startswith(f"b; {SAID}") for q in told.quantities)
    assert told.warnings[0].startswith(SAID)


def test_that_a_good_geometry_changes_no_outcome() -> None:
    outcome = Outcome(Scenario("wait", 0.0, ()), (Quantity("a", "liver", 1.0, "mL"),))
    assert graded_outcome(outcome, ()) == outcome


def test_that_an_observation_names_the_doubt() -> None:
    seen = Observation("tumour-1", 0.0, 2.0, 0.1, "readers")
    assert graded_observation(seen, ["gap"]) == replace(seen, noise_source="readers; gap")


def test_that_the_report_shows_the_grade_beside_each_volume() -> None:
    section = labels_section(labels(), labels_id="1" * 64, geometry=report_of("acknowledged"))
    (table,) = (b for b in section.blocks if isinstance(b, Table))
    assert "(geometry acknowledged: ±" in table.rows[0][2].text


def test_that_the_worst_grade_of_several_visits_counts(store: ObjectFolder) -> None:
    good, doubtful = a_case(store, "good").visits[0], a_case(store, "acknowledged").visits[0]
    case = Case("P", visits=(good, doubtful))
    assert tables.grade(case, store, [0]) == "good"
    assert tables.grade(case, store, [0, 1]) == "acknowledged"


def test_that_compared_scenarios_say_the_grade(store: ObjectFolder) -> None:
    rows = (Quantity("remnant volume", "liver", 1.0, "mL", basis="b"),)
    compared = store.put(Comparison(0.0, (Outcome(Scenario("wait", 0.0, ()), rows),)))
    case = a_case(store, "acknowledged").having(comparison=compared)
    assert tables.side_by_side(case, store).title.endswith("; geometry acknowledged)")
    assert tables.outcomes(case, store).as_json()[0]["basis"] == "b"


def test_that_a_scored_forecast_says_the_grade(store: ObjectFolder) -> None:
    score = Score("f", "tumour-1", 0.0, 0.0, 2.0, 2.0, 1.0, 3.0, 0.9, 0.0, True, 0.1, 0.9)
    case = a_case(store, "acknowledged").having(scores=(store.put(score),))
    assert tables.scores(case, store).as_json()[0]["geometry"] == "acknowledged"
