"""Ensemble smoother with multiple data assimilation: the same data in several small steps."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.parameter import Belief, Ensemble
from organtwin.core.watch import Watch
from organtwin.updating.coordinates import Coordinates
from organtwin.updating.rule import BayesRule, Evidence, Forward

STEPS: Final = 4
"""Assimilations, each with the error covariance inflated by their number, so that Σ 1/α = 1."""


def condition(
    belief: Belief,
    evidence: Evidence,
    forward: Forward,
    *,
    rng: np.random.Generator,
    watch: Watch,
) -> Ensemble:
    """Return the posterior ensemble: exact for a linear model, Gaussian errors and many members.

    Emerick & Reynolds 2013, Computers & Geosciences 55:3, 10.1016/j.cageo.2012.03.011, algorithm
    of section 2, in the logarithms of lognormal parameters and of volumes.
    """
    coordinates = Coordinates.of(belief)
    free = coordinates.free(belief.ensemble)
    for step in range(STEPS):
        watch.tell(step / STEPS, f"assimilation {step + 1} of {STEPS}")
        predicted = np.log(forward(coordinates.ensemble(free)))
        free = assimilated(free, predicted, evidence, inflation=STEPS, rng=rng)
    return coordinates.ensemble(free)


def assimilated(
    free: NDArray[np.float64],
    predicted: NDArray[np.float64],
    evidence: Evidence,
    *,
    inflation: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """One step: z + C_zy (C_yy + α C)⁻¹ (d + √α C^½ ε − y) for each member.

    Args:
        free: (n, p) coordinates; predicted: (n, k) log volumes.
        inflation: α, at least 1.
    """
    covariance = inflation * evidence.covariance
    noise = rng.standard_normal(predicted.shape) @ np.linalg.cholesky(covariance).T
    noise -= noise.mean(axis=0)
    away_z, away_y = free - free.mean(axis=0), predicted - predicted.mean(axis=0)
    count = len(free) - 1
    gain = np.linalg.solve(away_y.T @ away_y / count + covariance, away_y.T @ away_z / count)
    result: NDArray[np.float64] = free + (evidence.log_volume + noise - predicted) @ gain
    return result


RULE: Final = BayesRule(
    name="es_mda",
    title="ensemble smoother with multiple data assimilation",
    source="Emerick & Reynolds 2013, 10.1016/j.cageo.2012.03.011",
    runs=STEPS,
    condition=condition,
)
