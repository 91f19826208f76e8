"""Stiffness from displacements: against exact posteriors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from organtwin.core.errors import BadArgument
from organtwin.core.parameter import Prior
from organtwin.updating import Recovered, recover_stiffness

NAMES = ("shear_modulus_kpa@1", "shear_modulus_kpa@2")
SEEN = np.full(40, 1.0)


def priors(spread: float = 0.5) -> list[Prior]:
    return [Prior(name, "kPa", "lognormal", 2.0, spread, "a test") for name in NAMES]


def logarithmic(slopes: Any) -> Any:
    """A model that is linear in the logarithms: its posterior is Gaussian."""

    def modelled(values: Mapping[str, float]) -> Any:
        numbers = np.array([values[name] for name in NAMES])
        return slopes @ np.log(numbers), slopes / numbers

    return modelled


def seen(slopes: Any, truth: Any, seed: int = 0, **more: Any) -> Recovered:
    noise = np.random.default_rng(seed).normal(0.0, 1.0, (len(SEEN), 3))
    moved = slopes @ np.log(truth) + noise
    return recover_stiffness(
        logarithmic(slopes), more.get("priors", priors()), moved_mm=moved, sd_mm=SEEN
    )


RANDOM = np.random.default_rng(3).normal(0.0, 2.0, (len(SEEN), 3, 2))


def test_that_a_model_linear_in_the_logarithms_gives_the_exact_posterior() -> None:
    truth, centre = np.array([2.4, 7.0]), np.log(2.0)
    found = seen(RANDOM, truth)
    noise = np.random.default_rng(0).normal(0.0, 1.0, (len(SEEN), 3))
    matrix = RANDOM.reshape(-1, 2)
    precision = matrix.T @ matrix + np.eye(2) / 0.25
    right = matrix.T @ (matrix @ np.log(truth) + noise.ravel()) + centre / 0.25
    assert found.covariance == pytest.approx(np.linalg.inv(precision), rel=1e-9)
    assert np.log(found.values) == pytest.approx(np.linalg.solve(precision, right), abs=1e-4)


def test_that_nothing_is_learned_of_what_moves_nothing() -> None:
    found = seen(RANDOM * [1.0, 0.0], [2.4, 7.0])
    assert found.learned == pytest.approx([1.0, 0.0], abs=0.02)
    assert found.values[1] == pytest.approx(2.0, rel=1e-3)


def test_that_a_known_ratio_alone_correlates() -> None:
    found = seen(RANDOM[:, :, :1] * [1.0, -1.0], [2.4, 7.0])
    assert found.correlation[0, 1] > 0.9


def test_that_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """200 truths from the prior: 90 % within three standard deviations of a binomial."""
    random = np.random.default_rng(1)
    held = []
    for draw in range(200):
        truth = 2.0 * np.exp(0.5 * random.standard_normal(2))
        low, high = seen(RANDOM, truth, seed=draw + 10).interval(0.9)
        held.append((low < truth) & (truth < high))
    assert np.mean(held, axis=0) == pytest.approx(0.9, abs=3.0 * np.sqrt(0.09 / 200))


def test_that_a_nonlinear_models_posterior_is_that_of_quadrature() -> None:
    """Displacement goes with 1 / stiffness; 20 000 values of the exact posterior, no Laplace."""
    reach = RANDOM[:, :, 0]

    def modelled(values: Mapping[str, float]) -> Any:
        stiff = values[NAMES[0]]
        return reach / stiff, -reach[:, :, None] / stiff**2

    moved = reach / 3.0 + np.random.default_rng(0).normal(0.0, 1.0, reach.shape)
    found = recover_stiffness(modelled, priors()[:1], moved_mm=moved, sd_mm=SEEN)
    z = np.linspace(-5.0, 5.0, 20_001)
    stiff = 2.0 * np.exp(0.5 * z)
    a, b = float((reach**2).sum()), float((reach * moved).sum())
    top = b / stiff - 0.5 * a / stiff**2 - 0.5 * z**2
    below = np.cumsum(np.exp(top - top.max()))
    low, high = np.interp([0.05, 0.95], below / below[-1], stiff)
    assert found.values[0] == pytest.approx(stiff[top.argmax()], rel=1e-3)
    assert found.interval(0.9)[:, 0] == pytest.approx([low, high], rel=0.04)


def test_that_a_pattern_of_the_models_error_widens_as_a_gaussian_process_would() -> None:
    """A truth beside the model: covariance of the noise with the pattern's outer product added."""
    pattern = np.random.default_rng(8).normal(0.3, 0.5, (len(SEEN), 3, 1))
    moved = RANDOM @ np.log([2.4, 7.0]) + 1.5 * pattern[:, :, 0]
    found = recover_stiffness(
        logarithmic(RANDOM), priors(), moved_mm=moved, sd_mm=SEEN, errors_mm=pattern
    )
    matrix, line = RANDOM.reshape(-1, 2), pattern.reshape(-1, 1)
    weight = np.linalg.inv(np.eye(len(line)) + line @ line.T)
    precision = matrix.T @ weight @ matrix + np.eye(2) / 0.25
    right = matrix.T @ weight @ moved.ravel() + np.log(2.0) / 0.25
    assert found.covariance == pytest.approx(np.linalg.inv(precision), rel=1e-9)
    assert np.log(found.values) == pytest.approx(np.linalg.solve(precision, right), abs=1e-4)


def test_that_a_truth_far_outside_the_prior_is_refused() -> None:
    with pytest.raises(BadArgument, match=r"@2 is .* kPa, .* spreads from its prior's centre"):
        seen(RANDOM, [2.4, 2.0 * np.exp(0.5 * 9.0)])


def test_that_displacements_no_stiffness_explains_are_refused() -> None:
    moved = np.random.default_rng(0).normal(0.0, 2.5, (len(SEEN), 3))
    with pytest.raises(BadArgument, match=r"off by 2\.\d times their noise"):
        recover_stiffness(logarithmic(RANDOM), priors(), moved_mm=moved, sd_mm=SEEN)


def test_that_draws_have_the_posteriors_spread() -> None:
    found = seen(RANDOM, [2.4, 7.0])
    drawn = np.log(found.ensemble(20_000, np.random.default_rng(0)).members)
    assert np.cov(drawn.T) == pytest.approx(found.covariance, rel=0.1, abs=6e-5)
    inside = found.values * np.exp(norm.ppf(0.95) * np.sqrt(np.diag(found.covariance)))
    assert found.interval(0.9)[1] == pytest.approx(inside)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"priors": []}, "lognormal"),
        ({"sd_mm": np.zeros(40)}, "noise above 0"),
        ({"moved_mm": np.zeros((39, 3))}, "noise above 0"),
        ({"errors_mm": np.zeros((40, 3))}, "patterns"),
    ],
)
def test_that_what_cannot_be_used_is_refused(change: dict[str, Any], message: str) -> None:
    given = {"priors": priors(), "moved_mm": np.zeros((40, 3)), "sd_mm": SEEN} | change
    with pytest.raises(BadArgument, match=message):
        recover_stiffness(logarithmic(RANDOM), **given)
