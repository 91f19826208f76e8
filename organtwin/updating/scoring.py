"""How a forecast did against what came."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.observation import Observation
from organtwin.core.simulation import Simulation
from organtwin.core.twin import Forecast, Score, crps
from organtwin.core.volume import to_index, to_lps

AROUND_MM: Final = 12.0


def score(
    made: Forecast, observation: Observation, *, forecast_id: str, dice: float | None = None
) -> Score:
    """Return how a forecast did.

    Args:
        dice: overlap of shapes (`shape_overlap`), None where no shape was forecast.

    Raises:
        BadArgument: forecast and observation speak of another structure or day.
    """
    if made.structure != observation.structure or abs(made.day - observation.day) > 0.5:
        raise BadArgument("a forecast is scored by what it speaks of", where=made.structure)
    low, median, high = made.bounds_ml()
    observed = observation.volume_ml
    return Score(
        forecast=forecast_id,
        structure=made.structure,
        made_on_day=made.made_on_day,
        day=made.day,
        observed_ml=observed,
        median_ml=median,
        low_ml=low,
        high_ml=high,
        level=made.level,
        error_percent=100.0 * (median - observed) / observed,
        covered=low <= observed <= high,
        crps_ml=crps(made.samples_ml, observed),
        dice=dice,
    )


def shape_overlap(simulation: Simulation, day: float, observed: LabelMap, structure: str) -> float:
    """Dice (0..1) of where more than half of the members are visible and the observed tumour.

    Args:
        simulation: with points_mm (n, 3) and visible_probability (t, n).
        observed: the visit's labels in the baseline frame.

    Raises:
        BadArgument: a day that is not reported.
        EmptyLabel: the tumour was not observed.
    """
    found = np.flatnonzero(np.abs(simulation.days - day) < 1e-6)
    if len(found) == 0:
        raise BadArgument(f"the simulation does not report day {day:g}", where="score")
    points = np.asarray(simulation.fields["points_mm"], np.float64)
    seen = np.asarray(simulation.fields["visible_probability"][found[0]], np.float64)
    mask = observed.require(structure)
    window = _window(observed, mask, points[seen > 0.5])
    index = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in window), indexing="ij"), -1)
    centres = to_lps(observed.affine, index)
    low, high = centres.min(axis=(0, 1, 2)) - AROUND_MM, centres.max(axis=(0, 1, 2)) + AROUND_MM
    near = ((points >= low) & (points <= high)).all(axis=1)
    forecast = LinearNDInterpolator(points[near], seen[near], fill_value=0.0)(centres) > 0.5
    return dice(forecast, mask[window])


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """2 |A ∩ B| / (|A| + |B|); 1 when both are empty (Dice 1945)."""
    total = int(first.sum()) + int(second.sum())
    return 2.0 * int((first & second).sum()) / total if total else 1.0


def _window(
    labels: LabelMap, mask: NDArray[np.bool_], points: NDArray[np.float64]
) -> tuple[slice, ...]:
    """Indices around a mask and some points, within the grid."""
    places = [np.argwhere(mask), to_index(labels.affine, points)]
    low = np.floor(np.min([p.min(axis=0) for p in places if len(p)], axis=0)).astype(int) - 1
    high = np.ceil(np.max([p.max(axis=0) for p in places if len(p)], axis=0)).astype(int) + 2
    return tuple(slice(max(a, 0), min(b, n)) for a, b, n in zip(low, high, mask.shape, strict=True))
