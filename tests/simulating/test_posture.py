"""An organ when its patient is turned, tilted or insufflated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.core.content import encode, identity
from organtwin.core.errors import BadArgument
from organtwin.core.simulation import Simulation
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.pipeline.posing import said
from organtwin.simulating.posture import Posture, held, posture_loads
from organtwin.simulating.shifts import shifts, unit_of
from organtwin.simulating.supports import places_of, supports_of
from organtwin.simulating.uncertain import (
    Posed,
    posture_simulation,
    rank_correlations,
    region_volumes_ml,
    stiffness_draws,
    tissue_values,
    too_many_failed,
)
from organtwin.ui.deform_figures import told
from tests.simulating.test_growth import block, jobs

__all__ = ["jobs"]
LIVER = organ("liver")
MESH = block(4)


def posed(posture: Posture, folder: Path, members: int = 0) -> Posed:
    draws = stiffness_draws(LIVER, members, np.random.default_rng(3))
    return posture_simulation(
        MESH, LIVER, posture, draws, folder=folder, watch=Watch(), preview=True
    )


@pytest.mark.parametrize(
    ("posture", "down"),
    [
        (Posture(), (0, 1, 0)),
        (Posture("left-lateral"), (1, 0, 0)),
        (Posture("right-lateral"), (-1, 0, 0)),
        (Posture(turned_deg=90.0), (1, 0, 0)),
        (Posture(turned_deg=180.0), (0, -1, 0)),
        (Posture("prone", turned_deg=90.0), (-1, 0, 0)),
        (Posture("prone", head_up_deg=90.0), (0, 0, -1)),
        (Posture(head_up_deg=-30.0), (0, 0.75**0.5, 0.5)),
    ],
)
def test_that_gravity_points_where_the_patient_lies(
    posture: Posture, down: tuple[float, float, float]
) -> None:
    assert posture.down == pytest.approx(down, abs=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"position": "sideways"},
        {"scanned": "sitting"},
        {"pneumoperitoneum_mmhg": 30.0},
        {"pneumoperitoneum_mmhg": float("nan")},
        {"head_up_deg": 120.0},
    ],
)
def test_that_an_impossible_posture_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadArgument):
        Posture(**wrong)


def test_that_gas_lifts_the_diaphragm_and_parts_the_wall_above() -> None:
    gas = Posture("right-lateral", pneumoperitoneum_mmhg=12.0)
    loads = posture_loads(MESH, LIVER, gas, {"diaphragm": 2.0})
    by_name = {one.name: one for one in loads.acting}
    assert loads.pressure_kpa == pytest.approx(1.6, abs=1e-3)
    assert by_name["wall-front"].settings()["spring_normal_kpa_per_mm"] == 0.0
    assert by_name["wall-right"].settings()["spring_normal_kpa_per_mm"] == 0.1
    # 1.6 kPa over twice 0.036 kPa/mm
    lifted = by_name["diaphragm"].settings()["spring_rest_mm"]
    assert lifted == pytest.approx((0, 0, 22.22), abs=0.01)


def test_that_the_walls_parts_are_the_wall_and_the_same_in_every_posture() -> None:
    whole = places_of(MESH, LIVER)["wall"]
    for posture in (Posture(), Posture("prone", head_up_deg=20.0, pneumoperitoneum_mmhg=5.0)):
        parts = posture_loads(MESH, LIVER, posture).acting
        faces = np.concatenate(
            [one.arrays()["spring_faces"] for one in parts if one.name.startswith("wall-")]
        )
        assert sorted(faces.tolist()) == sorted(whole.tolist())


@pytest.mark.parametrize(
    ("pressure", "looks_down", "part"),
    [(0.0, -1.0, 1.0), (0.01, -1.0, 0.99875), (4.0, 0.0, 0.5), (8.0, 0.25, 0.5), (12.0, 0.6, 1.0)],
)
def test_that_gas_parts_the_wall_little_by_little(
    pressure: float, looks_down: float, part: float
) -> None:
    """1 - p / 8 mmHg where the wall does not look down."""
    assert held(Posture(pneumoperitoneum_mmhg=pressure), looks_down) == pytest.approx(part)


def test_that_the_first_gas_moves_the_organ_little(jobs: Path) -> None:
    fell = [
        posed(Posture("left-lateral", pneumoperitoneum_mmhg=p), jobs).simulation.quantities[
            "to_the_left_mm"
        ][0, 0]
        for p in (0.0, 0.01)
    ]
    assert fell[1] == pytest.approx(fell[0], abs=0.05)


def test_that_gas_under_a_diaphragm_without_stiffness_is_refused() -> None:
    gas = Posture(pneumoperitoneum_mmhg=12.0)
    with pytest.raises(BadArgument, match="endlessly"):
        posture_loads(MESH, LIVER, gas, {"diaphragm": 0.0})


def test_that_gas_alone_gives_what_the_priors_are_calibrated_to(jobs: Path) -> None:
    """45 mm up and 12 % less volume at 12 mmHg: 10.1007/s00464-025-12392-y."""
    found = posed(Posture(pneumoperitoneum_mmhg=12.0), jobs).simulation.quantities
    assert found["cranial_mm"][0, 0] == pytest.approx(45.0, abs=3.0)
    assert found["volume_change_percent"][0, 0] == pytest.approx(-12.0, abs=0.5)


def test_that_a_scan_under_weight_is_come_back_to(jobs: Path) -> None:
    draws = stiffness_draws(LIVER, 0, np.random.default_rng(0))
    found = posture_simulation(
        MESH, LIVER, Posture(), draws, folder=jobs, watch=Watch(), preview=True, unload=True
    ).simulation
    assert found.fields["displacement_mm"] == pytest.approx(0.0, abs=0.03)
    assert found.fields["von_mises_kpa"].max() > 0.1
    assert found.mesh == identity(encode(MESH))
    assert found.fields["region_volume_change_percent"] == pytest.approx(0.0, abs=0.05)
    assert found.fields["region_volume_ml"][0] == pytest.approx(region_volumes_ml(MESH), rel=5e-4)


def test_that_members_lie_around_the_medians(jobs: Path) -> None:
    found = posed(Posture("left-lateral"), jobs, members=3)
    moved = found.simulation.quantities["to_the_left_mm"][:, 0]
    assert found.failed == found.simulation.numbers["members_failed"] == 0
    assert len(moved) == len(found.ensemble.members) == 4
    assert moved.min() > 0.0
    assert moved[1:].min() < moved[0] < moved[1:].max()
    assert found.simulation.fields["displacement_sd_mm"].shape == (1, len(MESH.points))


@pytest.mark.parametrize(("solved", "failed", "withheld"), [(15, 1, False), (15, 2, True)])
def test_that_no_interval_is_told_when_more_than_one_in_sixteen_failed(
    solved: int, failed: int, withheld: bool
) -> None:
    figures = np.linspace(1.0, 2.0, 1 + solved)[:, None]
    answer = Simulation(
        kind="deformation",
        structure="",
        job="",
        job_json="",
        mesh="",
        days=np.zeros(0),
        fields={},
        quantities={"mean_shift_mm": figures, "volume_change_percent": figures},
        numbers={"members_failed": float(failed)},
        versions={},
    )
    assert too_many_failed(answer) is withheld
    assert ("90%" not in said(answer, failed)) is withheld
    assert (told(answer, MESH)["intervals"] == {}) is withheld
    assert told(answer, MESH)["failed"] == failed


def test_that_each_draw_is_told_by_its_number(jobs: Path) -> None:
    lines: list[str] = []
    draws = stiffness_draws(LIVER, 2, np.random.default_rng(3))
    watch = Watch(lambda _, line: lines.append(line))
    posture_simulation(MESH, LIVER, Posture(), draws, folder=jobs, watch=watch, preview=True)
    assert any(one.startswith("medians, ") for one in lines)
    assert any(one.startswith("draw 2 of 2, ") for one in lines)
    assert not any("member 1 of 1" in one for one in lines)


def test_that_a_draw_records_the_bulk_modulus_that_is_used() -> None:
    draws = stiffness_draws(LIVER, 200, np.random.default_rng(0))
    bulk, shear = draws.column("bulk_modulus_kpa"), draws.column("shear_modulus_kpa")
    # K / G = 2 (1 + nu) / (3 (1 - 2 nu)) = 13 / 6 at nu = 0.3
    assert (bulk / shear).min() == pytest.approx(13.0 / 6.0)


def test_that_draws_begin_with_the_medians_and_fill_each_part_of_a_prior_once() -> None:
    draws = stiffness_draws(LIVER, 8, np.random.default_rng(0))
    assert draws.column("shear_modulus_kpa")[0] == 2.14
    assert draws.column("diaphragm_kpa_per_mm")[0] == pytest.approx(0.036)
    # the median parts every column's members into halves
    above = (draws.members[1:] > draws.members[0]).sum(axis=0)
    assert above.tolist() == [4] * len(draws.parameters)


def test_that_a_draw_of_the_bulk_modulus_becomes_poissons_ratio() -> None:
    values = tissue_values(LIVER, {"shear_modulus_kpa": 2.0, "bulk_modulus_kpa": 13.0})
    liver = values["organ"]
    ratio = liver["poisson_ratio"]
    # K = 2 G (1 + nu) / (3 (1 - 2 nu))
    assert 2 * 2.0 * (1 + ratio) / (3 * (1 - 2 * ratio)) == pytest.approx(13.0)
    assert values["tumour"]["shear_modulus_kpa"] == pytest.approx(3 * liver["shear_modulus_kpa"])


def test_that_a_correlation_of_ranks_finds_what_a_figure_depends_on() -> None:
    draws = stiffness_draws(LIVER, 20, np.random.default_rng(0))
    found = rank_correlations(draws, -(draws.column("wall_kpa_per_mm") ** 3))
    assert found["wall_kpa_per_mm"] == pytest.approx(-1.0)
    assert rank_correlations(stiffness_draws(LIVER, 5, np.random.default_rng(0)), np.ones(6)) == {}


def test_that_figures_of_a_stretched_and_moved_block_are_exact() -> None:
    stretched = MESH.points * [0.1, 0.0, -0.05] + [3.0, 0.0, 4.0]
    found = shifts(MESH, stretched, "liver", [(0.0, 0.0, 0.0)])
    assert found["target_1_shift_mm"] == pytest.approx(5.0)
    assert (found["to_the_left_mm"], found["cranial_mm"]) == pytest.approx((3.0, 4.0))
    assert found["volume_change_percent"] == pytest.approx(100.0 * (1.1 * 0.95 - 1.0))
    assert found["stretch_percent"] == pytest.approx(10.0)
    assert found["shortening_percent"] == pytest.approx(-5.0)
    assert unit_of("stretch_percent") == "%"


def test_that_a_target_outside_is_refused() -> None:
    with pytest.raises(BadArgument, match="not in the mesh"):
        shifts(MESH, np.zeros_like(MESH.points), "liver", [(500.0, 0.0, 0.0)])


def test_that_a_support_may_be_softer_and_each_lies_where_anatomy_says() -> None:
    soft = {one.name: one for one in supports_of(MESH, LIVER, {"wall": 0.5})}
    assert soft["wall"].normal_kpa_per_mm == pytest.approx(0.05)
    places = places_of(MESH, LIVER)
    middles = {name: MESH.points[faces].mean(axis=(0, 1)) for name, faces in places.items()}
    assert middles["attached"][1] == pytest.approx(36.0)  # behind
    assert middles["attached"][2] > 0.0 > middles["back"][2]
    assert middles["diaphragm"][2] == pytest.approx(36.0)
    # 16 % of the volume lies on the left of the falciform ligament
    assert middles["falciform"][0] == pytest.approx(36.0 - 0.16 * 72.0, abs=9.0)
