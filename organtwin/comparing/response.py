"""What each tumour does in the months after: visible volumes from the simulations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from organtwin.comparing.quantities import LEVEL
from organtwin.core.errors import BadArgument, Missing
from organtwin.core.parameter import interval
from organtwin.core.scenario import Quantity
from organtwin.core.simulation import Simulation

HORIZONS_DAYS = (90.0, 180.0)
NOT_COVERED = (
    "the effect of a drug or of radiation is a fixed value whose uncertainty is not in the "
    "interval; 0 mL means below visibility (density one half), not cure"
)


def volumes_ml(simulation: Simulation, day: float) -> NDArray[np.float64]:
    """Return (members,) visible volume in mL on a day, linear between the days reported.

    Raises:
        Missing: the simulation holds no volumes.
        BadArgument: the day lies outside the days simulated.
    """
    volumes = simulation.quantities.get("volume_ml")
    days = simulation.days
    if volumes is None or len(days) == 0:
        raise Missing(
            "a simulation without visible volumes", where=simulation.structure, advice="run growth"
        )
    if not days[0] - 1e-6 <= day <= days[-1] + 1e-6:
        raise BadArgument(
            f"day {day:g} lies outside the days {days[0]:g} to {days[-1]:g} simulated",
            where=simulation.structure,
            advice="simulate further",
        )
    return np.array([np.interp(day, days, member) for member in volumes])


def response_quantities(
    simulations: Mapping[str, Simulation],
    day: float,
    *,
    horizons_days: tuple[float, ...] = HORIZONS_DAYS,
    ids: Mapping[str, str] | None = None,
) -> tuple[Quantity, ...]:
    """Return each tumour's visible volume in mL so many days after `day`, with its interval.

    Args:
        simulations: tumour's name → its growth under the scenario, day counted from baseline.
        ids: tumour's name → id of that Simulation.
    """
    rows = []
    for name in sorted(simulations):
        for horizon in horizons_days:
            samples = volumes_ml(simulations[name], day + horizon)
            low, median, high = interval(samples, LEVEL)
            rows.append(
                Quantity(
                    f"visible volume at +{horizon:g} days",
                    name,
                    float(median),
                    "mL",
                    float(low),
                    float(high),
                    LEVEL,
                    f"median of {len(samples)} members simulated to day {day + horizon:g}; "
                    f"{LEVEL:.0%} interval: the posterior spread of the growth parameters, "
                    f"no measurement noise; {NOT_COVERED}",
                    (ids[name],) if ids and name in ids else (),
                )
            )
    return tuple(rows)
