"""Closed forms and limits of single actions."""

import math

import numpy as np
import pytest

from organtwin.actions import action_kinds, effect_of
from organtwin.actions.infuse import log_kill
from organtwin.actions.irradiate import surviving_fraction
from organtwin.actions.spheroid import spheroid_distance_mm
from organtwin.core.errors import BadArgument
from organtwin.core.scenario import Action
from tests.phantoms import LIVER, ball, painted

LABELS = painted({LIVER: ball((0, 0, 0), 20)}, half_mm=(24, 24, 24), spacing_mm=(4, 4, 4))
Z = np.array([0.0, 0.0, 1.0])
PROBE = {
    "entry_mm": (0, 0, -50),
    "target_mm": (0, 0, 0),
    "zone_along_mm": 20.0,
    "zone_across_mm": 12.0,
}
THREE_FRACTIONS = {
    "dose_per_fraction_gy": 2.0,
    "fractions": 3,
    "alpha_per_gy": 0.05,
    "alpha_beta_gy": 10.0,
}


def test_that_three_fractions_of_two_gray_leave_the_closed_form() -> None:
    """NUMERICS R6: exp(-(0.05·2 + 0.005·4))³ = 0.697676."""
    events = effect_of(Action("irradiate", 5.0, THREE_FRACTIONS), LABELS).events
    assert math.prod(e.amount for e in events) == pytest.approx(0.697676, abs=5e-7)


def test_that_thirty_fractions_of_two_gray_leave_the_closed_form() -> None:
    """NUMERICS R6: 0.0273."""
    assert surviving_fraction(2.0, alpha_per_gy=0.05, alpha_beta_gy=10.0) ** 30 == pytest.approx(
        0.0273, abs=5e-5
    )


def test_that_fractions_fall_on_their_days() -> None:
    action = Action("irradiate", 5.0, {**THREE_FRACTIONS, "interval_days": 7.0})
    assert [e.day for e in effect_of(action, LABELS).events] == [5.0, 12.0, 19.0]


def test_that_a_large_fraction_carries_a_warning() -> None:
    action = Action("irradiate", 0.0, {**THREE_FRACTIONS, "dose_per_fraction_gy": 12.0})
    assert "10 Gy" in effect_of(action, LABELS).warnings[0]


@pytest.mark.parametrize("change", [{"dose_per_fraction_gy": 19.0}, {"fractions": 2.5}])
def test_that_what_the_model_cannot_carry_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(BadArgument):
        effect_of(Action("irradiate", 0.0, {**THREE_FRACTIONS, **change}), LABELS)


def test_that_five_boluses_integrate_to_the_closed_form() -> None:
    """NUMERICS R7: 5 · s C/β = 5 · 0.5/9.242 = 0.270504 once all have faded."""
    course = {
        "doses": 5,
        "interval_days": 1.0,
        "sensitivity_per_day": 0.5,
        "decay_per_day": 9.242,
    }
    events = effect_of(Action("infuse", 0.0, course), LABELS).events
    assert sum(-e.amount / e.decay_per_day for e in events) == pytest.approx(0.270504, abs=5e-7)
    assert all(e.until_day is None for e in events)
    assert 5 * log_kill(1.0, sensitivity_per_day=0.5, decay_per_day=9.242) == pytest.approx(
        0.270504, abs=5e-7
    )


def test_that_the_offered_dose_kills_one_cell_in_five() -> None:
    (event,) = effect_of(Action("infuse", 0.0, {"doses": 1}), LABELS).events
    assert math.exp(event.amount / event.decay_per_day) == pytest.approx(0.8, abs=0.001)


def test_that_constants_without_a_primary_source_are_named() -> None:
    kind = action_kinds()["infuse"]
    assert kind.unsourced(Action("infuse", 0.0, {"doses": 1})) == (
        "sensitivity_per_day",
        "decay_per_day",
    )


def test_that_a_plane_removes_the_side_its_normal_points_to() -> None:
    effect = effect_of(Action("resect", 0.0, {"point_mm": (0, 0, 5), "normal": (0, 0, 3)}), LABELS)
    assert effect.signed_distance_mm is not None
    np.testing.assert_allclose(
        effect.signed_distance_mm(np.array([[1.0, 2, 9], [0, 0, 0]])), [-4, 5]
    )


def test_that_a_plane_without_direction_is_refused() -> None:
    with pytest.raises(BadArgument, match="normal"):
        effect_of(Action("resect", 0.0, {"point_mm": (0, 0, 5), "normal": (0, 0, 0)}), LABELS)


@pytest.mark.parametrize(("along", "across"), [(15.0, 10.0), (10.0, 15.0), (12.0, 12.0)])
def test_that_the_distance_to_a_spheroid_is_that_to_its_nearest_point(
    along: float, across: float
) -> None:
    """Brute force over 20 001 points of the meridian ellipse: error < 1e-4 mm."""
    points = np.random.default_rng(3).uniform(-25, 25, (200, 3))
    points[:3] = [[0, 0, 0], [0, 0, 4], [3, 0, 0]]
    t = np.linspace(0, np.pi, 20_001)
    meridian = np.stack([across * np.sin(t), along * np.cos(t)], axis=1)
    flat = np.stack([np.hypot(points[:, 0], points[:, 1]), points[:, 2]], axis=1)
    nearest = np.linalg.norm(flat[:, None] - meridian[None], axis=2).min(axis=1)
    inside = (flat[:, 0] / across) ** 2 + (flat[:, 1] / along) ** 2 < 1
    found = spheroid_distance_mm(points, np.zeros(3), Z, along_mm=along, across_mm=across)
    np.testing.assert_allclose(found, np.where(inside, -nearest, nearest), atol=1e-4)


def test_that_a_zone_lies_along_its_probe() -> None:
    border = effect_of(Action("ablate", 0.0, PROBE), LABELS).signed_distance_mm
    assert border is not None
    np.testing.assert_allclose(border(np.array([[0, 0, 20.0], [12.0, 0, 0]])), 0, atol=1e-9)


def test_that_a_probe_without_length_is_refused() -> None:
    with pytest.raises(BadArgument, match="entry and target"):
        effect_of(Action("ablate", 0.0, {**PROBE, "entry_mm": (0, 0, 0)}), LABELS)


def test_that_a_probe_name_of_many_lines_is_refused() -> None:
    with pytest.raises(BadArgument, match="probe"):
        action_kinds()["ablate"].checked(Action("ablate", 0.0, {**PROBE, "probe": "a\nb"}))


def test_that_turning_from_the_back_to_the_left_side_changes_gravity_by_both() -> None:
    """Lying on the back gravity is +y (posterior); on the left side it is +x (left)."""
    loads = effect_of(Action("position", 0.0, {"gravity": (2.0, 0, 0)}), LABELS).loads
    assert loads["gravity_mm_per_s2"] == pytest.approx((9806.65, -9806.65, 0))


def test_that_staying_as_scanned_changes_no_load() -> None:
    loads = effect_of(Action("position", 0.0, {"gravity": (0, 1, 0)}), LABELS).loads
    assert loads == {"gravity_mm_per_s2": (0.0, 0.0, 0.0), "pressure_kpa": 0.0}


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [("irradiate", THREE_FRACTIONS), ("infuse", {"doses": 3})],
)
def test_that_what_is_given_several_times_is_given_at_several_times(
    kind: str, arguments: dict[str, float]
) -> None:
    with pytest.raises(BadArgument, match="at one time"):
        effect_of(Action(kind, 5.0, {**arguments, "interval_days": 0.0}), LABELS)
