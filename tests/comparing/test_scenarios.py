"""Suggested scenarios, their outcomes, and the table side by side."""

import numpy as np
import pytest

from organtwin.comparing import (
    anatomy_of,
    comparison,
    difference,
    outcome,
    rows,
    suggested,
)
from organtwin.comparing.plane_search import resection_plane
from organtwin.comparing.probe_path import covering_zone, probe_to, way_warnings
from organtwin.comparing.quantities import broken_rules
from organtwin.comparing.response import volumes_ml
from organtwin.core.content import decode, encode
from organtwin.core.errors import BadArgument, Missing
from organtwin.core.scenario import Action, Outcome, Quantity, Scenario
from organtwin.core.simulation import Simulation
from organtwin.core.volume import GeometryReport, Volume, to_lps
from organtwin.organs import organ, tumour
from tests.phantoms import LIVER, ball, liver_phantom, painted

LABELS = liver_phantom((2.5, 2.5, 2.5))
ANATOMY = anatomy_of(LABELS, "liver")
ORGAN = organ("liver")


def growth(structure: str, rate_per_day: float) -> Simulation:
    """Exponential growth of 21 members with known spread."""
    days = np.array([0.0, 90.0, 180.0, 270.0])
    start = np.linspace(8.0, 12.0, 21)
    return Simulation(
        "tumour",
        structure,
        "0" * 64,
        "{}",
        "",
        days,
        {},
        {"volume_ml": start[:, None] * np.exp(rate_per_day * days)[None]},
        {},
        {},
    )


def outcomes() -> tuple[Outcome, ...]:
    simulations = {name: growth(name, 0.005) for name in ("tumour-1", "tumour-2")}
    return tuple(
        outcome(
            scenario,
            LABELS,
            organ=ORGAN,
            anatomy=ANATOMY,
            simulations=simulations,
            simulation_ids={name: f"sim-{name}" for name in simulations},
            inputs=("labels-id",),
        )
        for scenario in suggested(LABELS, 90.0, anatomy=ANATOMY)
    )


OUTCOMES = outcomes()
RESECT, ABLATE, WAIT = OUTCOMES


def value(found: Outcome, name: str, structure: str) -> float:
    return next(q.value for q in found.quantities if (q.name, q.structure) == (name, structure))


def test_that_the_resection_keeps_its_margin() -> None:
    assert value(RESECT, "minimal margin", "tumour-1") == pytest.approx(10.0, abs=1e-6)


def test_that_the_ablation_keeps_its_margin_and_not_much_more() -> None:
    assert 5.0 <= value(ABLATE, "minimal margin", "tumour-1") < 6.5


def test_that_the_resection_leaves_more_than_a_quarter_and_less_than_the_ablation() -> None:
    resected, ablated = (value(o, "remnant fraction", "liver") for o in (RESECT, ABLATE))
    assert 25 < resected < ablated < 100


def test_that_the_plane_found_beats_every_plane_along_an_axis() -> None:
    best = value(RESECT, "removed volume", "liver")
    surface = ANATOMY.surfaces_mm["tumour-1"]
    points = to_lps(ANATOMY.affine, np.argwhere(ANATOMY.mask))
    for normal in np.vstack([np.eye(3), -np.eye(3)]):
        removed = points @ normal > (surface @ normal).min() - 10.0
        assert best <= removed.sum() * ANATOMY.voxel_ml


def test_that_the_plane_leaves_the_trunks_and_the_other_tumour() -> None:
    assert not any("trunk" in w or "cut through" in w for w in RESECT.warnings)


def test_that_a_tumour_that_stays_is_said_to() -> None:
    assert "tumour-2 is not removed" in RESECT.warnings


def test_that_the_probe_enters_at_the_capsule_without_an_image() -> None:
    probe = probe_to(ANATOMY, "tumour-1")
    x = np.array(probe.entry_mm) / (80, 60, 50)
    assert (x @ x) ** 0.5 == pytest.approx(1.0, abs=0.08)


def test_that_the_probe_keeps_clear_of_wide_vessels() -> None:
    probe = probe_to(ANATOMY, "tumour-2")
    assert way_warnings(ANATOMY, probe.entry_mm, probe.target_mm) == ()
    start, end = np.array(probe.entry_mm), np.array(probe.target_mm)
    way = start + np.linspace(0, 1, 200)[:, None] * (end - start)
    for tree in ANATOMY.trees:
        wide = tree.points_mm[tree.calibre_mm > 3.0]
        gap = np.linalg.norm(way[:, None] - wide[None], axis=2).min()
        assert gap >= 3.0


def body() -> Volume:
    """A box of soft tissue around the liver, lung beyond x < -85, air beyond the box."""
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -152.0
    index = np.stack(np.meshgrid(*[np.arange(77)] * 3, indexing="ij"), axis=-1)
    p = to_lps(affine, index)
    voxels = np.where((np.abs(p) < (130, 100, 120)).all(-1), 40, -1000)
    voxels[(p[..., 0] < -85) & (p[..., 0] > -120) & (np.abs(p[..., 1:]) < 95).all(-1)] = -800
    return Volume(voxels.astype(np.int16), affine, "HU", "CT", GeometryReport((4, 4, 4), "LPS"))


def test_that_the_probe_starts_at_the_skin_and_passes_no_lung() -> None:
    probe = probe_to(ANATOMY, "tumour-1", volume=body())
    assert way_warnings(ANATOMY, probe.entry_mm, probe.target_mm, volume=body()) == ()
    entry = np.array(probe.entry_mm)
    assert (np.abs(entry) / (130, 100, 120)).max() == pytest.approx(1.0, abs=0.06)
    assert entry[0] > -85


def test_that_a_way_through_lung_or_vessel_is_warned_of() -> None:
    through_lung = way_warnings(ANATOMY, (-130, -12, -10), (-48, -12, -10), volume=body())
    assert any("gas" in line for line in through_lung)
    assert any("portal-vein" in w for w in way_warnings(ANATOMY, (0, -70, -5), (0, 0, -5)))


def test_that_a_way_through_the_body_needs_hounsfield_units() -> None:
    image = body()
    mr = Volume(image.voxels, image.affine, "1", "MR", image.geometry)
    with pytest.raises(BadArgument, match="HU"):
        probe_to(ANATOMY, "tumour-1", volume=mr)


def test_that_a_ball_needs_a_ball_of_its_radius_and_the_margin() -> None:
    """Radius 10 and 5 mm: 15 mm, rounded up to half a millimetre."""
    directions = np.random.default_rng(1).normal(size=(500, 3))
    surface = 10 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    halves = covering_zone(surface, np.zeros(3), np.array([0, 0, 1.0]), margin_mm=5.0)
    assert halves == pytest.approx((15.0, 15.0), abs=0.01)


def test_that_a_tumour_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadArgument, match="tumour-9"):
        resection_plane(ANATOMY, "tumour-9")


def test_that_every_quantity_has_unit_basis_and_inputs() -> None:
    for found in OUTCOMES:
        assert all(q.unit and q.basis and q.inputs for q in found.quantities)


def test_that_every_interval_holds_its_value() -> None:
    for q in (q for found in OUTCOMES for q in found.quantities if q.low is not None):
        assert q.high is not None
        assert q.low <= q.value <= q.high
        assert q.level == 0.9


def test_that_visible_volumes_are_the_members_quantiles() -> None:
    """Start 8..12 mL in 21 steps, e^{0.005·180} at day 90 + 90: median 10, 5 % 8.2, 95 % 11.8."""
    q = next(
        q
        for q in WAIT.quantities
        if (q.name, q.structure) == ("visible volume at +90 days", "tumour-1")
    )
    factor = np.exp(0.9)
    assert (q.low, q.value, q.high) == pytest.approx((8.2 * factor, 10 * factor, 11.8 * factor))
    assert "sim-tumour-1" in q.inputs


def test_that_a_day_not_simulated_is_refused() -> None:
    with pytest.raises(BadArgument, match="simulate further"):
        volumes_ml(growth("tumour-1", 0.01), 300.0)


def test_that_a_simulation_without_volumes_is_refused() -> None:
    empty = Simulation("tumour", "tumour-1", "", "", "", np.array([0.0]), {}, {}, {}, {})
    with pytest.raises(Missing):
        volumes_ml(empty, 0.0)


def test_that_constants_without_a_source_are_a_warning() -> None:
    (said,) = [w for w in WAIT.warnings if "sensitivity_per_day" in w]
    assert said.startswith("The drug effect")
    assert "do not compare these volumes with the other plans" in said
    seen = [q for q in WAIT.quantities if q.name.startswith("visible volume")]
    assert {q.assumed for q in seen} == {"drug effect"}
    assert not any(q.assumed for q in RESECT.quantities)


def test_that_a_margin_below_the_rule_is_a_warning_with_its_source() -> None:
    plane = resection_plane(ANATOMY, "tumour-1", margin_mm=0.5)
    scenario = Scenario(
        "near", 0.0, (Action("resect", 0.0, {"point_mm": plane.point_mm, "normal": plane.normal}),)
    )
    found = outcome(scenario, LABELS, organ=ORGAN, anatomy=ANATOMY)
    assert any("below 1 mm" in w and "PubMed 26198997" in w for w in found.warnings)


def test_that_a_small_remnant_is_a_warning_with_its_source() -> None:
    action = Action("resect", 0.0, {"point_mm": (50, 0, 0), "normal": (-1, 0, 0)})
    found = outcome(Scenario("most", 0.0, (action,)), LABELS, organ=ORGAN, anatomy=ANATOMY)
    assert any("remnant fraction" in w and "PMC6422720" in w for w in found.warnings)


def test_that_an_outcome_survives_being_kept() -> None:
    assert encode(decode(encode(RESECT))) == encode(RESECT)


def test_that_the_table_has_a_cell_for_every_scenario() -> None:
    table = rows(comparison(OUTCOMES))
    assert all(len(row.cells) == 3 for row in table)
    margins = next(r for r in table if (r.name, r.structure) == ("minimal margin", "tumour-1"))
    assert margins.cells[2] is None


def test_that_scenarios_of_one_name_are_not_compared() -> None:
    with pytest.raises(BadArgument, match="different names"):
        comparison((RESECT, RESECT))


def test_that_a_difference_is_second_minus_first() -> None:
    found = next(q for q in difference(RESECT, WAIT) if q.name == "remnant fraction")
    assert found.value == pytest.approx(100 - value(RESECT, "remnant fraction", "liver"))
    assert found.low is None


def test_that_a_liver_with_one_small_tumour_and_no_vessels_gets_its_scenarios() -> None:
    labels = painted(
        {LIVER: ball((0, 0, 0), 45), tumour(1, "liver"): ball((20, 5, 0), 4.0)},
        half_mm=(50, 50, 50),
        spacing_mm=(2.5, 2.5, 2.5),
    )
    assert len(suggested(labels, 0.0)) == 3


def test_that_every_remnant_rule_broken_names_its_condition() -> None:
    """28 %: enough for a normal liver, too little after chemotherapy or with fibrosis."""
    remnant = Quantity("remnant fraction", "liver", 28.0, "%", 27.0, 29.0, 0.9)
    lines = broken_rules([remnant], ORGAN.rules, contact="cut")
    assert [("chemotherapy" in w, "cirrhosis" in w) for w in lines] == [
        (True, False),
        (False, True),
    ]


def test_that_an_interval_below_a_rule_is_a_warning_too() -> None:
    margin = Quantity("minimal margin", "tumour-1", 5.5, "mm", 3.9, 7.1, 0.9)
    (line,) = broken_rules([margin], ORGAN.rules, contact="zone")
    assert "may be below 5 mm" in line
    assert line.endswith("interval reaches 3.9 mm")


def test_that_a_visible_volume_says_that_nothing_seen_is_no_cure() -> None:
    found = [q for q in WAIT.quantities if q.name.startswith("visible volume")]
    assert found
    assert all("not cure" in q.basis for q in found)


def test_that_a_remnant_says_it_is_geometric() -> None:
    assert all("perfusion" in q.basis for q in RESECT.quantities if q.name.startswith("remnant "))
