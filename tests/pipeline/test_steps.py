"""Steps of the river on a case too small to need a solver."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.casefolder import ObjectFolder
from organtwin.core.case import Case, Visit
from organtwin.core.errors import BadArgument, BadInput, Missing
from organtwin.core.labelmap import stacked
from organtwin.core.scenario import Comparison, Outcome, Scenario
from organtwin.core.volume import GeometryReport, Grade, Volume
from organtwin.core.watch import Watch
from organtwin.organs import organ, tumour
from organtwin.pipeline import STEPS, run_step
from organtwin.pipeline.imaging import refuse_withheld

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


@pytest.fixture
def store(tmp_path: Path) -> ObjectFolder:
    return ObjectFolder(tmp_path / "objects")


def a_volume(grade: Grade = "good") -> Volume:
    geometry = GeometryReport((2.0, 2.0, 2.0), "LPS", grade=grade, findings=("one slice missing",))
    return Volume(np.zeros((20, 20, 20), np.int16), AFFINE, "HU", "CT", geometry)


def labels() -> Any:
    liver, lesion = np.zeros((2, 20, 20, 20), dtype=bool)
    liver[2:18, 2:18, 2:18] = True
    lesion[8:12, 8:12, 8:12] = True
    structures = (organ("liver").structure("liver"), tumour(1, "liver"))
    return stacked({"liver": liver, "tumour-1": lesion}, structures, AFFINE)


def a_case(store: ObjectFolder, grade: Grade = "good") -> Case:
    volume, made = store.put(a_volume(grade)), store.put(labels())
    visits = (
        Visit(0.0, date(2026, 1, 1), volume, made, seen=True),
        Visit(45.0, date(2026, 2, 15), volume, made),
    )
    return Case("P", visits=visits)


def do(name: str, case: Case, store: ObjectFolder, **arguments: Any) -> tuple[Case, Any]:
    return run_step(name, case, store, arguments=arguments, watch=Watch())


def test_that_every_step_has_a_title() -> None:
    assert all(step.title for step in STEPS.values())


def test_that_an_unknown_step_names_those_there_are(store: ObjectFolder) -> None:
    with pytest.raises(BadArgument, match="there are: import, "):
        do("fly", Case("P"), store)


def test_that_an_argument_a_step_does_not_take_is_refused(store: ObjectFolder) -> None:
    with pytest.raises(BadArgument, match="wings"):
        do("mesh", Case("P"), store, wings=2)


def test_that_a_step_out_of_order_says_what_to_do_first(store: ObjectFolder) -> None:
    with pytest.raises(Missing, match="update --visit 0"):
        do("plan", a_case(store), store)


def test_that_withheld_geometry_refuses_volumes(store: ObjectFolder) -> None:
    with pytest.raises(BadInput, match="one slice missing"):
        refuse_withheld(a_case(store, "withheld"), store, [0])


def test_that_an_acknowledgement_needs_a_reason(store: ObjectFolder) -> None:
    with pytest.raises(BadArgument):
        do("acknowledge", a_case(store, "withheld"), store, visit=0, reason=" ")


def test_that_an_acknowledged_geometry_is_used_and_recorded(store: ObjectFolder) -> None:
    case, done = do(
        "acknowledge", a_case(store, "withheld"), store, visit=0, reason="gap is above the liver"
    )
    refuse_withheld(case, store, [0])
    assert store.get(case.visits[0].volume).geometry.grade == "acknowledged"
    assert done.arguments == {"visit": 0, "reason": "gap is above the liver"}


def test_that_labelling_the_baseline_anew_drops_what_followed(store: ObjectFolder) -> None:
    case = a_case(store).having(mesh="m", twins=("t",), comparison="c", decisions=("d",))
    after, _ = do(
        "segment",
        case,
        store,
        visit=0,
        method="grow-from-seeds",
        points={"liver": [[16.0, 16.0, 16.0]], "background": [[0.0, 0.0, 0.0]]},
    )
    assert (after.mesh, after.twins, after.comparison) == ("", (), "")
    assert after.decisions == ("d",)


def test_that_a_decision_needs_a_scenario_that_was_compared(store: ObjectFolder) -> None:
    outcome = Outcome(Scenario("wait", 0.0, ()), ())
    case = a_case(store).having(comparison=store.put(Comparison(0.0, (outcome,))))
    with pytest.raises(BadArgument, match="there are: wait"):
        do("decide", case, store, scenario="resect", reason="because")
    after, done = do("decide", case, store, scenario="wait", reason="slow growth")
    assert store.get(after.decisions[0]).reason == "slow growth"
    assert done.inputs == (case.comparison,)
