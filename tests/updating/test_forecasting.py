import numpy as np
import pytest

from organtwin.core.errors import BadArgument
from organtwin.core.observation import Observation
from organtwin.core.parameter import Belief, Ensemble
from organtwin.core.simulation import Simulation
from organtwin.core.twin import Forecast
from organtwin.organs import organ, tumour
from organtwin.updating.forecasting import forecast, predicted_volumes
from organtwin.updating.priors import BASELINE_RATIO, prior_beliefs
from organtwin.updating.scoring import dice, score, shape_overlap
from tests.phantoms import LIVER, ball, ellipsoid, painted

ENSEMBLE = Ensemble(("a", BASELINE_RATIO), ("1", "1"), np.array([[1.0, 1.0], [2.0, 1.1]]))
BELIEF = Belief("tumour-1", 45.0, ENSEMBLE)


def simulation(**fields: np.ndarray) -> Simulation:
    volumes = np.array([[3.8, 7.6, 15.2], [3.8, 5.7, 7.6]])
    days = np.array([0.0, 45.0, 90.0])
    quantities = {"volume_ml": volumes}
    return Simulation("tumour", "tumour-1", "", "", "", days, fields, quantities, {}, {})


def test_that_growth_is_counted_from_the_labelled_volume() -> None:
    """4 mL labelled, doubled at day 45: 8; the second member grows by half and is 10 % larger."""
    volumes = predicted_volumes(simulation(), ENSEMBLE, [45.0], baseline_ml=4.0)
    assert volumes[:, 0] == pytest.approx([8.0, 6.6])


def test_that_a_day_that_was_not_simulated_is_refused() -> None:
    with pytest.raises(BadArgument, match="day 60"):
        predicted_volumes(simulation(), ENSEMBLE, [60.0], baseline_ml=4.0)


def test_that_a_forecast_holds_measurement_and_model_error() -> None:
    """√(0.08² + 0.05²) = 0.0943 of the logarithm when every member says the same."""
    rng = np.random.default_rng(1)
    made = forecast(
        BELIEF,
        np.full(64, 10.0),
        belief_id="b",
        day=90.0,
        measurement_relative_sd=0.08,
        model_relative_sd=0.05,
        rng=rng,
    )
    assert np.std(np.log(made.samples_ml)) == pytest.approx(0.0943, rel=0.05)
    assert (made.made_on_day, made.day, made.belief) == (45.0, 90.0, "b")


def test_that_a_score_says_error_and_cover() -> None:
    made = Forecast("tumour-1", 45.0, 90.0, np.linspace(8.0, 12.0, 101), 0.9, "b")
    scored = score(made, Observation("tumour-1", 90.0, 8.0, 0.08, ""), forecast_id="f")
    assert scored.error_percent == pytest.approx(25.0)
    assert not scored.covered


def test_that_a_forecast_is_not_scored_by_another_tumour() -> None:
    made = Forecast("tumour-1", 45.0, 90.0, np.linspace(8.0, 12.0, 101), 0.9, "b")
    with pytest.raises(BadArgument):
        score(made, Observation("tumour-2", 90.0, 8.0, 0.08, ""), forecast_id="f")


def test_that_equal_shapes_overlap_fully_and_concentric_balls_by_formula() -> None:
    """Dice of concentric balls of 10 and 12 mm: 2·10³ / (10³ + 12³) = 0.733."""
    rng = np.random.default_rng(2)
    points = rng.uniform(-25.0, 25.0, (6000, 3))
    distance = np.linalg.norm(points, axis=1)
    shapes = {LIVER: ellipsoid((0, 0, 0), (28, 28, 28)), tumour(1, "liver"): ball((0, 0, 0), 12.0)}
    observed = painted(shapes, half_mm=(30, 30, 30), spacing_mm=(1.5, 1.5, 1.5))
    seen = [np.clip(0.5 + radius - distance, 0.0, 1.0) for radius in (10.0, 10.0, 12.0)]
    grown = simulation(points_mm=points, visible_probability=np.array(seen, np.float32))
    assert shape_overlap(grown, 45.0, observed, "tumour-1") == pytest.approx(0.733, abs=0.03)
    assert shape_overlap(grown, 90.0, observed, "tumour-1") > 0.92


def test_that_two_empty_shapes_are_the_same() -> None:
    assert dice(np.zeros(3, bool), np.zeros(3, bool)) == 1.0


def test_that_priors_are_the_organs_own() -> None:
    (belief,) = prior_beliefs(organ("liver"), ["tumour-1"], members=256, seed=3)
    logs = np.log(belief.ensemble.column("diffusion_mm2_per_day"))
    assert np.exp(logs.mean()) == pytest.approx(0.05, rel=0.03)
    assert logs.std() == pytest.approx(0.9, rel=0.05)


def test_that_each_tumour_has_its_own_samples() -> None:
    first, second = prior_beliefs(organ("liver"), ["tumour-1", "tumour-2"], members=16, seed=3)
    assert not np.array_equal(first.ensemble.members, second.ensemble.members)


def test_that_the_same_seed_draws_the_same_samples() -> None:
    first, second = (prior_beliefs(organ("liver"), ["tumour-1"], seed=3)[0] for _ in range(2))
    assert np.array_equal(first.ensemble.members, second.ensemble.members)
