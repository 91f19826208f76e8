"""Days at which something happens, and equal steps between them that hit each exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from solvers.contract import Event
from solvers.failures import BadInput

SAME_DAY = 1e-9


@dataclass(frozen=True)
class Stop:
    """One day of the timeline.

    Args:
        day: from the start of the job.
        report: index into the report days, or None: the state before the day's events.
        events: what happens on that day, in the job's order.
        step_days, steps: how the time until the next stop is walked; 0 steps at the last.
    """

    day: float
    report: int | None
    events: tuple[Event, ...]
    step_days: float
    steps: int


def timeline(days: Sequence[float], events: Sequence[Event], longest_step: float) -> list[Stop]:
    """Return the stops from day 0 to the last of `days`; later events change nothing reported.

    Raises:
        BadInput: report days are not ascending from 0 on, or an event lies before day 0.
    """
    for sooner, later in pairwise(days):
        if later <= sooner:
            raise BadInput(f"the report days must ascend: {later:g} follows {sooner:g}")
    if any(event.day < 0.0 for event in events):
        raise BadInput("an event lies before day 0")
    wanted = {0.0, *days}
    for event in events:
        wanted.add(event.day)
        if event.until_day is not None:
            wanted.add(event.until_day)
    dates = _distinct(sorted(day for day in wanted if day <= days[-1]))
    stops = []
    for day, following in zip(dates, [*dates[1:], dates[-1]], strict=True):
        steps = math.ceil((following - day) / longest_step - SAME_DAY)
        stops.append(
            Stop(
                day,
                next((i for i, d in enumerate(days) if abs(d - day) <= SAME_DAY), None),
                tuple(event for event in events if abs(event.day - day) <= SAME_DAY),
                (following - day) / steps if steps else 0.0,
                steps,
            )
        )
    return stops


def _distinct(days: list[float]) -> list[float]:
    kept = days[:1]
    for day in days[1:]:
        if day - kept[-1] > SAME_DAY:
            kept.append(day)
    return kept
