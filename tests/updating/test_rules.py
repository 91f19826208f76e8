"""Every rule against the exact posterior of a linear model with Gaussian errors."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.observation import Observation
from organtwin.core.parameter import Belief, Ensemble, Prior
from organtwin.core.watch import Watch
from organtwin.updating.priors import drawn
from organtwin.updating.rule import Evidence, rules, update

PRIORS = (
    Prior("diffusion_mm2_per_day", "mm²/day", "lognormal", 0.05, 0.9, "test"),
    Prior("proliferation_per_day", "1/day", "lognormal", 0.015, 0.6, "test"),
    Prior("baseline_volume_ratio", "1", "lognormal", 1.0, 0.08, "test"),
)
CENTRE = np.log([prior.centre for prior in PRIORS])
SPREAD = np.diag([prior.spread**2 for prior in PRIORS])
SLOPE = np.array([[0.3, 0.35, 1.0], [0.5, 0.6, 0.9]])
START = np.array([2.0, 2.5])
SEEN = np.array([2.3, 3.1])
NOISE, MODEL = 0.08, 0.05
EVERY_RULE = sorted(rules())


def log_linear(observations: int) -> Callable[[Ensemble], NDArray[np.float64]]:
    """log V = START + SLOPE (log θ − CENTRE)."""

    def forward(ensemble: Ensemble) -> NDArray[np.float64]:
        volumes = np.exp(START + (np.log(ensemble.members) - CENTRE) @ SLOPE.T)
        return volumes[:, :observations]

    return forward


def exact(observations: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of the posterior: Kalman's formulas (Kalman 1960)."""
    slope = SLOPE[:observations]
    inner = slope @ SPREAD @ slope.T + (NOISE**2 + MODEL**2) * np.eye(observations)
    gain = SPREAD @ slope.T @ np.linalg.inv(inner)
    mean = CENTRE + gain @ (SEEN - START)[:observations]
    return mean, SPREAD - gain @ slope @ SPREAD


def prior(members: int) -> Belief:
    ensemble = drawn(PRIORS, members, np.random.default_rng(1))
    return Belief("tumour-1", 0.0, ensemble, priors=PRIORS)


def seen(observations: int) -> list[Observation]:
    return [
        Observation("tumour-1", 45.0 * (n + 1), float(np.exp(SEEN[n])), NOISE, "test")
        for n in range(observations)
    ]


def updated(
    belief: Belief,
    observations: Sequence[Observation],
    forward: Callable[[Ensemble], NDArray[np.float64]],
    rule: str,
) -> Belief:
    return update(
        belief,
        observations,
        forward,
        belief_id="before",
        seed=7,
        watch=Watch(),
        rule=rule,
        model_relative_sd=MODEL,
    )


def logs(belief: Belief) -> NDArray[np.float64]:
    return np.log(belief.ensemble.members)


@pytest.mark.parametrize("rule", EVERY_RULE)
@pytest.mark.parametrize("observations", [1, 2])
def test_that_the_mean_is_the_exact_one(rule: str, observations: int) -> None:
    posterior = updated(prior(1024), seen(observations), log_linear(observations), rule)
    mean, covariance = exact(observations)
    away = (logs(posterior).mean(axis=0) - mean) / np.sqrt(np.diag(covariance))
    assert np.abs(away).max() < 0.1


@pytest.mark.parametrize("rule", EVERY_RULE)
@pytest.mark.parametrize("observations", [1, 2])
def test_that_the_covariance_is_the_exact_one(rule: str, observations: int) -> None:
    posterior = updated(prior(1024), seen(observations), log_linear(observations), rule)
    whiten = np.linalg.inv(np.linalg.cholesky(exact(observations)[1]))
    ratios = np.linalg.eigvalsh(whiten @ np.cov(logs(posterior).T) @ whiten.T)
    assert 0.85 < ratios.min() < ratios.max() < 1.18


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_that_the_narrow_axis_of_the_ridge_is_not_widened_with_few_members(rule: str) -> None:
    posterior = updated(prior(64), seen(1), log_linear(1), rule)
    seen_sd = np.std(logs(posterior) @ SLOPE[0])
    exact_sd = np.sqrt(SLOPE[0] @ exact(1)[1] @ SLOPE[0])
    assert seen_sd == pytest.approx(exact_sd, rel=0.35)


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_that_two_visits_in_turn_say_the_same_as_both_at_once(rule: str) -> None:
    first = updated(prior(512), seen(2)[:1], log_linear(1), rule)
    second = updated(first, seen(2)[1:], lambda e: log_linear(2)(e)[:, 1:], rule)
    mean, covariance = exact(2)
    away = (logs(second).mean(axis=0) - mean) / np.sqrt(np.diag(covariance))
    assert np.abs(away).max() < 0.35


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_that_a_posterior_keeps_what_it_came_from(rule: str) -> None:
    posterior = updated(prior(64), seen(2), log_linear(2), rule)
    assert (posterior.before, posterior.rule, posterior.seed) == ("before", rule, 7)
    assert posterior.day == 90.0
    assert len(posterior.ensemble.members) == 64


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_that_the_same_seed_gives_the_same_posterior(rule: str) -> None:
    first, second = (updated(prior(64), seen(1), log_linear(1), rule) for _ in range(2))
    assert np.array_equal(first.ensemble.members, second.ensemble.members)


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_that_a_rule_runs_the_model_as_often_as_it_says(rule: str) -> None:
    asked: list[int] = []

    def counted(ensemble: Ensemble) -> NDArray[np.float64]:
        asked.append(len(ensemble.members))
        return log_linear(1)(ensemble)

    updated(prior(64), seen(1), counted, rule)
    assert len(asked) == rules()[rule].runs


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_that_an_observation_of_another_tumour_is_refused(rule: str) -> None:
    other = Observation("tumour-2", 45.0, 9.0, NOISE, "test")
    with pytest.raises(BadArgument):
        updated(prior(64), [other], log_linear(1), rule)


def test_that_a_volume_out_of_reach_is_not_explained_in_silence() -> None:
    absurd = Observation("tumour-1", 45.0, 1e9, NOISE, "test")
    with pytest.raises(BadArgument, match="candidates"):
        updated(prior(64), [absurd], log_linear(1), "importance")


def test_that_a_vanished_tumour_is_refused() -> None:
    gone = Observation("tumour-1", 45.0, 0.0, NOISE, "test")
    with pytest.raises(BadArgument):
        Evidence.of([gone], MODEL)


def test_that_one_run_whose_tumour_dissolves_does_not_spoil_the_emulator() -> None:
    def forward(ensemble: Ensemble) -> NDArray[np.float64]:
        volumes = log_linear(1)(ensemble)
        volumes[np.argmin(volumes)] = 0.0
        return volumes

    mean, covariance = exact(1)
    posterior = updated(prior(64), seen(1), forward, "importance")
    away = (logs(posterior).mean(axis=0) - mean) / np.sqrt(np.diag(covariance))
    assert np.abs(away).max() < 0.35
