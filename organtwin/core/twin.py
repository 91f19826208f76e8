"""TwinState: what is believed on a given day, and what it forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.core.content import noun, read_only


@noun
@dataclass(frozen=True, eq=False)
class Forecast:
    """What the twin said of one structure on `made_on_day` for `day`, never changed after.

    Args:
        samples_ml: (n,) float64, visible volume in mL of each member, with the noise of a
            measurement included.
        level: of the interval quoted with it (0.9).
        belief: id of the Belief it was made from.
    """

    structure: str
    made_on_day: float
    day: float
    samples_ml: NDArray[np.float64]
    level: float
    belief: str

    def __post_init__(self) -> None:
        """Freeze the samples."""
        object.__setattr__(self, "samples_ml", read_only(np.asarray(self.samples_ml), np.float64))

    def bounds_ml(self) -> tuple[float, float, float]:
        """Lower bound, median, upper bound of the central `level` interval, in mL."""
        tail = (1.0 - self.level) / 2.0
        low, median, high = np.quantile(self.samples_ml, [tail, 0.5, 1.0 - tail])
        return float(low), float(median), float(high)


@noun
@dataclass(frozen=True)
class Score:
    """How a Forecast did against what came.

    Args:
        forecast: id of the Forecast.
        observed_ml: what the visit showed.
        error_percent: 100 (median − observed) / observed.
        covered: the observed volume lies in the interval.
        crps_ml: continuous ranked probability score, mL (Gneiting & Raftery 2007, eq. 21).
        dice: overlap of the forecast shape with the observed one in the baseline frame, None
            where no shape was forecast.
    """

    forecast: str
    structure: str
    made_on_day: float
    day: float
    observed_ml: float
    median_ml: float
    low_ml: float
    high_ml: float
    level: float
    error_percent: float
    covered: bool
    crps_ml: float
    dice: float | None = None


@noun
@dataclass(frozen=True)
class TwinState:
    """The current state of this organ: ids of beliefs, forecasts and simulations on `day`."""

    day: float
    beliefs: tuple[str, ...]
    forecasts: tuple[str, ...]
    simulations: tuple[str, ...] = ()


def crps(samples: NDArray[Any], observed: float) -> float:
    """Continuous ranked probability score of samples (n,), in their unit.

    E|X − y| − E|X − X'|/2 (Gneiting & Raftery 2007, J. Am. Stat. Assoc. 102:359, eq. 21).
    """
    ordered = np.sort(np.asarray(samples, dtype=np.float64))
    n = len(ordered)
    spread = 2.0 * float(np.sum((2 * np.arange(1, n + 1) - n - 1) * ordered)) / n**2
    return float(np.mean(np.abs(ordered - observed))) - spread / 2.0
