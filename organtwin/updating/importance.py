"""Importance sampling: many candidates, weighed by an emulator fitted to one ensemble of runs."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.parameter import Belief, Ensemble
from organtwin.core.watch import Watch
from organtwin.updating.coordinates import Coordinates
from organtwin.updating.emulator import Emulator
from organtwin.updating.priors import drawn, standard_normals
from organtwin.updating.rule import BayesRule, Evidence, Forward

CANDIDATES: Final = 2**14
MOST_CANDIDATES: Final = 2**18
MOST_RUNS: Final = 128
"""Members the emulator is fitted to at most; more cost time and teach it nothing."""

ENOUGH: Final = 4.0
"""Effective candidates wanted for each member of the posterior."""

FAR: Final = 3.0
"""Natural logarithm: a twentieth of the observed volume."""

SHRINKAGE: Final = 0.98
"""Liu & West 2001 (Sequential Monte Carlo Methods in Practice, ch. 10): kernels about an ensemble
that keep its mean and covariance."""


def condition(
    belief: Belief,
    evidence: Evidence,
    forward: Forward,
    *,
    rng: np.random.Generator,
    watch: Watch,
) -> Ensemble:
    """Return the posterior ensemble.

    Candidates are drawn from the belief itself (from its priors when it is one), weighed by the
    Gaussian likelihood of the log volumes with the emulator's variance added, and resampled
    systematically along their longest axis. No shape of the posterior is assumed, so the ridge of
    equal front speed 2√(Dρ) is kept as it is.

    Raises:
        BadArgument: hardly any candidate explains the evidence.
    """
    coordinates = Coordinates.of(belief)
    watch.tell(0.0, "running the ensemble")
    runs = _first(belief.ensemble, MOST_RUNS)
    predicted = _above_the_hopeless(np.log(forward(runs)), evidence)
    watch.tell(0.8, "fitting the emulator")
    emulators = [Emulator.fitted(coordinates.free(runs), column) for column in predicted.T]
    members, count = len(belief.ensemble.members), CANDIDATES
    while True:
        candidates = _candidates(belief, coordinates, count, rng)
        weights = _weights(candidates, emulators, evidence)
        effective = 1.0 / float((weights**2).sum())
        if effective >= ENOUGH * members or count >= MOST_CANDIDATES:
            break
        count *= 4
    if effective < members:
        raise BadArgument(
            f"only {effective:.0f} of {count} candidates explain the observations",
            where=belief.structure,
            advice="check the labels of this visit, widen the priors, or use the rule es_mda",
        )
    return coordinates.ensemble(candidates[_chosen(candidates, weights, members, rng)])


def _first(ensemble: Ensemble, count: int) -> Ensemble:
    """The first members: of a Sobol' sequence they fill the space as evenly as all."""
    return Ensemble(ensemble.parameters, ensemble.units, ensemble.members[:count])


def _above_the_hopeless(predicted: NDArray[np.float64], evidence: Evidence) -> NDArray[np.float64]:
    """Raise log volumes (n, k) that no error could explain to a floor of FAR below the observed.

    A front that dissolves has a visible volume of zero, and its logarithm would bend the emulator
    everywhere. The floor never rises above the lowest twentieth of the predictions.
    """
    low = np.quantile(predicted, 0.05, axis=0)
    result: NDArray[np.float64] = np.maximum(predicted, np.minimum(evidence.log_volume - FAR, low))
    return result


def _candidates(
    belief: Belief, coordinates: Coordinates, count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(count, p) samples of what the belief says."""
    if belief.rule == "prior":
        return coordinates.free(drawn(belief.priors, count, rng))
    free = coordinates.free(belief.ensemble)
    centres = SHRINKAGE * free + (1.0 - SHRINKAGE) * free.mean(axis=0)
    spread = np.linalg.cholesky(np.cov(free.T).reshape(free.shape[1], -1))
    width = np.sqrt(1.0 - SHRINKAGE**2)
    noise = standard_normals(count, free.shape[1], rng) @ spread.T
    result: NDArray[np.float64] = centres[rng.integers(len(free), size=count)] + width * noise
    return result


def _weights(
    candidates: NDArray[np.float64], emulators: list[Emulator], evidence: Evidence
) -> NDArray[np.float64]:
    """(n,) normalised likelihoods of candidates (n, p)."""
    log_likelihood = np.concatenate(
        [
            _log_likelihood(part, emulators, evidence)
            for part in np.array_split(candidates, max(1, len(candidates) // 4096))
        ]
    )
    weights = np.exp(log_likelihood - log_likelihood.max())
    result: NDArray[np.float64] = weights / weights.sum()
    return result


def _log_likelihood(
    candidates: NDArray[np.float64], emulators: list[Emulator], evidence: Evidence
) -> NDArray[np.float64]:
    means, deviations = zip(*(e.predict(candidates) for e in emulators), strict=True)
    covariance = (
        evidence.covariance + np.eye(len(emulators)) * np.stack(deviations, -1)[:, None] ** 2
    )
    away = evidence.log_volume - np.stack(means, axis=-1)
    scaled = np.linalg.solve(covariance, away[..., None])[..., 0]
    result: NDArray[np.float64] = -0.5 * (
        (away * scaled).sum(axis=1) + np.linalg.slogdet(covariance)[1]
    )
    return result


def _chosen(
    candidates: NDArray[np.float64],
    weights: NDArray[np.float64],
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Systematic resampling in the order of the weighted cloud's longest axis."""
    away = candidates - weights @ candidates
    _, axes = np.linalg.eigh((away * weights[:, None]).T @ away)
    order = np.argsort(away @ axes[:, -1])
    places = (np.arange(count) + rng.random()) / count
    found = np.searchsorted(np.cumsum(weights[order]), places)
    return order[np.minimum(found, len(order) - 1)]


RULE: Final = BayesRule(
    name="importance",
    title="importance sampling with an emulator of one ensemble of runs",
    source="Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., section 10.4; Sacks et al. 1989",
    runs=1,
    condition=condition,
)
