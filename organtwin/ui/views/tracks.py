"""What the timeline draws, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from organtwin.core.observation import Observation
from organtwin.core.twin import Forecast, Score


@dataclass(frozen=True, eq=False)
class Track:
    """What is drawn of one structure.

    Args:
        colour: red, green, blue, each 0..1.
    """

    structure: str
    colour: tuple[float, float, float]
    observations: tuple[Observation, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    scores: tuple[Score, ...] = ()

    def last_scores(self) -> tuple[Score, ...]:
        """Return one score for each visit: that of the last forecast made before it."""
        last: dict[float, Score] = {}
        for score in sorted(self.scores, key=lambda s: s.made_on_day):
            last[score.day] = score
        return tuple(last.values())


@dataclass(frozen=True)
class Stop:
    """One visit on the time axis."""

    index: int
    day: float
    seen: bool
    segmented: bool
