"""The step that cuts a case's mesh."""

from __future__ import annotations

from pathlib import Path

import pytest

from organtwin.casefolder import ObjectFolder
from organtwin.core.case import Case, Visit
from organtwin.core.cut import Cut
from organtwin.core.errors import BadArgument
from organtwin.core.scenario import Action, Scenario
from organtwin.core.watch import Watch
from organtwin.pipeline import run_step
from tests.meshing.cubes import cube
from tests.pipeline.test_steps import a_volume, labels

PLANE = {"point_mm": (15.0, 15.0, 15.0), "normal": (1.0, 0.5, 0.3)}


@pytest.fixture
def store(tmp_path: Path) -> ObjectFolder:
    return ObjectFolder(tmp_path / "objects")


@pytest.fixture
def case(store: ObjectFolder) -> Case:
    visit = Visit(0.0, None, store.put(a_volume()), store.put(labels()), seen=True)
    plan = Scenario("right side off", 0.0, (Action("resect", 0.0, PLANE),))
    return Case("P", visits=(visit,), mesh=store.put(cube()), scenarios=(store.put(plan),))


def cut(case: Case, store: ObjectFolder, **asked: object) -> Cut:
    after, _ = run_step("cut", case, store, arguments=asked, watch=Watch())
    found: Cut = store.get(after.cut)
    return found


def volumes_ml(found: Cut) -> list[float]:
    return [float(part.volumes_mm3().sum()) / 1000.0 for part, _ in found.parts.values()]


def test_that_a_plane_parts_the_mesh_into_halves(case: Case, store: ObjectFolder) -> None:
    found = cut(case, store, point_mm=[15, 15, 15], normal=[1, 0.5, 0.3])
    assert volumes_ml(found) == pytest.approx([13.5, 13.5], rel=0.01)
    assert sum(volumes_ml(found)) == pytest.approx(27.0, rel=1e-3)


def test_that_a_line_drawn_parts_the_mesh(case: Case, store: ObjectFolder) -> None:
    line = [[-5.0, 15.0, 10.0], [15.0, 18.0, 10.0], [35.0, 15.0, 10.0]]
    found = cut(case, store, lines_mm=[line], along=[0.0, 0.0, 1.0])
    assert sum(volumes_ml(found)) == pytest.approx(27.0, rel=1e-3)
    assert found.by == "a line drawn at L 15 P 16 S 10 mm"


def test_that_a_plan_is_cut_as_its_plane_says(case: Case, store: ObjectFolder) -> None:
    planned = cut(case, store, scenario="right side off")
    by_hand = cut(case, store, **PLANE)
    assert volumes_ml(planned) == pytest.approx(volumes_ml(by_hand), rel=1e-3)
    assert planned.by == "right side off"


def test_that_a_region_is_cut_out_whole(case: Case, store: ObjectFolder) -> None:
    assert volumes_ml(cut(case, store, structure="tumour-1")) == pytest.approx([26.0, 1.0])


def test_that_a_cut_by_a_plan_knows_when_the_plan_has_changed(
    case: Case, store: ObjectFolder
) -> None:
    found = cut(case, store, scenario="right side off")
    assert not found.outdated(case.scenarios)
    other = {"point_mm": (10.0, 15.0, 15.0), "normal": (1.0, 0.5, 0.3)}
    changed = Scenario("right side off", 0.0, (Action("resect", 0.0, other),))
    assert found.outdated((store.put(changed),))
    by_plane = cut(case, store, point_mm=[15, 15, 15], normal=[1, 0.5, 0.3])
    assert not by_plane.outdated(())


def test_that_a_cut_can_be_removed(case: Case, store: ObjectFolder) -> None:
    after, _ = run_step("cut", case, store, arguments={"structure": "tumour-1"}, watch=Watch())
    left, _ = run_step("cut", after, store, arguments={"remove": True}, watch=Watch())
    assert after.cut
    assert not left.cut


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"structure": "tumour-1", "scenario": "right side off"},
        {"structure": "spleen"},
        {"lines_mm": [[[0, 0, 0], [1, 1, 1]]]},
        {"scenario": "none"},
        {"point_mm": [0, 0], "normal": [1, 0, 0]},
        {"point_mm": [15, 15, 15], "normal": [0, 0, 0]},
    ],
)
def test_that_what_is_no_cut_is_refused(case: Case, store: ObjectFolder, asked: dict) -> None:
    with pytest.raises(BadArgument):
        cut(case, store, **asked)
