"""From simulated volumes to what a visit will measure, with all that is uncertain in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.parameter import Belief, Ensemble
from organtwin.core.simulation import Simulation
from organtwin.core.twin import Forecast
from organtwin.updating.priors import BASELINE_RATIO
from organtwin.updating.rule import MODEL_RELATIVE_SD


def predicted_volumes(
    simulation: Simulation, ensemble: Ensemble, days: Sequence[float], *, baseline_ml: float
) -> NDArray[np.float64]:
    """Return (n, k) mL: the true visible volume of each member on each of k days.

    The simulated growth V(t) / V(0) times the labelled baseline volume (which takes out what the
    mesh misses of the starting shape) times the member's own `BASELINE_RATIO`, where it has one.
    That the ratio stays the same over time is exact for exponential growth and on the safe side
    for a front of steady speed, which forgets it slowly.

    Args:
        simulation: of this ensemble, from day 0; it reports day 0 and every one of `days`.
        baseline_ml: volume of the labelled tumour at baseline.

    Raises:
        BadArgument: a day the simulation does not report, or another number of members.
    """
    volumes = simulation.quantities["volume_ml"]
    if len(volumes) != len(ensemble.members):
        raise BadArgument("the simulation has another number of members", where="forecast")
    columns = [_column(simulation, day) for day in days]
    start = volumes[:, _column(simulation, 0.0)]
    if not (start > 0.0).all():
        raise BadArgument("a simulated tumour is not visible at the start", where="forecast")
    ratio = np.ones(len(start))
    if BASELINE_RATIO in ensemble.parameters:
        ratio = ensemble.column(BASELINE_RATIO)
    result: NDArray[np.float64] = volumes[:, columns] * (baseline_ml * ratio / start)[:, None]
    return result


def forecast(
    belief: Belief,
    volumes_ml: NDArray[np.float64],
    *,
    belief_id: str,
    day: float,
    measurement_relative_sd: float,
    rng: np.random.Generator,
    model_relative_sd: float = MODEL_RELATIVE_SD,
    level: float = 0.9,
    repeats: int = 16,
) -> Forecast:
    """Return what a measurement on `day` is expected to be.

    Args:
        volumes_ml: (n,) predicted true volume of each member, mL (`predicted_volumes`).
        measurement_relative_sd, model_relative_sd: of the logarithm of the volume; independent,
            and independent between visits.
        level: of the interval quoted.
        repeats: errors drawn for each member; the forecast has n · repeats samples.
    """
    sd = np.hypot(measurement_relative_sd, model_relative_sd)
    errors = rng.standard_normal((len(volumes_ml), repeats))
    samples = volumes_ml[:, None] * np.exp(sd * (errors - errors.mean()))
    return Forecast(belief.structure, belief.day, float(day), samples.ravel(), level, belief_id)


def _column(simulation: Simulation, day: float) -> int:
    found = np.flatnonzero(np.abs(simulation.days - day) < 1e-6)
    if len(found) == 0:
        raise BadArgument(
            f"the simulation does not report day {day:g}",
            where="forecast",
            advice="it reports " + ", ".join(f"{d:g}" for d in simulation.days),
        )
    return int(found[0])
