"""Simulation-based calibration (Talts et al. 2018, arXiv 1804.06788) on a front that is known.

When truth is drawn from the prior and data from the model, the truth's rank among posterior
samples is uniform for every quantity.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from organtwin.core.observation import Observation
from organtwin.core.parameter import Belief, Ensemble, Prior
from organtwin.core.watch import Watch
from organtwin.updating.priors import drawn
from organtwin.updating.rule import rules, update

PRIORS = (
    Prior("diffusion_mm2_per_day", "mm²/day", "lognormal", 0.05, 0.9, "test"),
    Prior("proliferation_per_day", "1/day", "lognormal", 0.015, 0.6, "test"),
    Prior("baseline_volume_ratio", "1", "lognormal", 1.0, 0.08, "test"),
)
DAYS = np.array([45.0, 90.0])
NOISE, MODEL, MEMBERS = 0.08, 0.05, 64


def front(ensemble: Ensemble) -> NDArray[np.float64]:
    """A ball of 10 mm whose border moves at 2√(Dρ), slowed by its curvature, 2D/R at the start."""
    diffusion, rate, ratio = ensemble.members.T
    speed = 2.0 * np.sqrt(diffusion * rate) - 0.5 * diffusion / 10.0
    radius = np.maximum(10.0 + speed[:, None] * DAYS, 1.0)
    volumes: NDArray[np.float64] = ratio[:, None] * 4.0 / 3.0 * np.pi * radius**3 / 1000.0
    return volumes


def ranks(rule: str, repeats: int, seed: int) -> NDArray[np.float64]:
    """(repeats, 4) rank of the truth, 0..1: log D, log ρ, log ratio, log speed."""
    rng = np.random.default_rng(seed)
    found = np.empty((repeats, 4))
    for repeat in range(repeats):
        truth = Ensemble(
            tuple(p.parameter for p in PRIORS),
            tuple(p.unit for p in PRIORS),
            np.column_stack([p.sample(1, rng) for p in PRIORS]),
        )
        noise = np.hypot(NOISE, MODEL) * rng.standard_normal(len(DAYS))
        seen = front(truth)[0] * np.exp(noise)
        observations = [
            Observation("tumour-1", float(day), float(volume), NOISE, "test")
            for day, volume in zip(DAYS, seen, strict=True)
        ]
        belief = Belief("tumour-1", 0.0, drawn(PRIORS, MEMBERS, rng), priors=PRIORS)
        posterior = update(
            belief,
            observations,
            front,
            belief_id="",
            seed=repeat,
            watch=Watch(),
            rule=rule,
            model_relative_sd=MODEL,
        )
        found[repeat] = (quantities(posterior.ensemble) < quantities(truth)).mean(axis=0)
    return found


def quantities(ensemble: Ensemble) -> NDArray[np.float64]:
    logs = np.log(ensemble.members)
    return np.column_stack([logs, 0.5 * (logs[:, 0] + logs[:, 1])])


@pytest.mark.parametrize("rule", sorted(rules()))
def test_that_intervals_of_nine_in_ten_hold_the_truth_about_that_often(rule: str) -> None:
    """18 of 20 expected, binomial sd 1.3."""
    inside = np.abs(ranks(rule, 20, 5) - 0.5) < 0.45
    assert inside.sum(axis=0).min() >= 14


@pytest.mark.slow
@pytest.mark.parametrize("rule", sorted(rules()))
def test_that_ranks_of_the_truth_are_uniform(rule: str) -> None:
    """Chi-square of 10 bins, 9 degrees of freedom: 27.9 is its 99.9 % quantile."""
    found = ranks(rule, 400, 6)
    for column in found.T:
        counts, _ = np.histogram(column, bins=10, range=(0.0, 1.0 + 1e-9))
        assert ((counts - 40.0) ** 2 / 40.0).sum() < 27.9
