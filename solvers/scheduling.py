"""Steps as long as an error in time allows, chosen on one member and walked by all.

Between two stops a state is walked in n steps and in 2 n; the scheme is of second order, so that
a third of their distance is the error of the finer. n is doubled until that is the stretch's share
of the tolerance. What is told in the end is a third of the distance of two whole courses, with
all steps and with half as many: how errors grow or fade later is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from solvers.course import Course
from solvers.failures import NotConverged
from solvers.moves import Member, Move, Remove, arrival, walk
from solvers.terrain import Terrain
from solvers.timeline import Stop

Reals = NDArray[np.float64]
MOST_DOUBLINGS: Final = 12


@dataclass(frozen=True)
class Schedule:
    """Steps, and what they err by.

    Args:
        stops: with the steps chosen.
        error: estimate of the relative L2 error in time of the last state, for the pilot.
    """

    stops: tuple[Stop, ...]
    error: float


def pilot_of(members: Sequence[Member]) -> int:
    """Return which member asks for the shortest steps: that of the quickest growth, D / width²."""
    return int(np.argmax([_quickness(member) for member in members]))


def _quickness(member: Member) -> float:
    width = np.min(member.model.front_width_mm(member.values))
    return float(np.max(member.diffusivity) / width**2)


def scheduled(course: Course, pilot: Member, start: Reals, *, tolerance: float) -> Schedule:
    """Return steps with which a member's relative L2 error in time stays below `tolerance`.

    The steps of the course's stops are the longest that are tried.

    Args:
        start: (n,) or (species, n) on day 0, in the mesh's order.

    Raises:
        NotConverged: a stretch asks for more than 2^`MOST_DOUBLINGS` times as many steps.
    """
    terrains = course.terrains_of(pilot)
    for terrain in terrains:
        terrain.forget()
    first: Reals = course.rows.taken(np.atleast_2d(start))
    fine = coarse = _walked([Remove(terrains[0])], first, pilot)
    whole = course.stops[-1].day
    stops, guess = [], course.stops[0].step_days
    for stop, (before, terrain) in zip(course.stops, pairwise(terrains), strict=True):
        events = arrival(stop, before, terrain)
        fine, coarse = (_walked(events, state, pilot) for state in (fine, coarse))
        if stop.steps:
            share = tolerance * stop.steps * stop.step_days / whole
            halved, fine = _halved(_near(stop, guess), terrain, pilot, state=fine, share=share)
            coarse = _walked(walk(halved, terrain), coarse, pilot)
            stop, guess = _doubled(halved), halved.step_days
        stops.append(stop)
    return Schedule(tuple(stops), distance(terrains[-1], coarse, fine) / 3.0)


def distance(terrain: Terrain, one: Reals, other: Reals) -> float:
    """Return the L2 distance of two states (species, k), relative to the other."""
    off, size = ((terrain.mass_mm3((s**2).sum(axis=0))) for s in (one - other, other))
    return float(np.sqrt(off / size)) if size > 0.0 else 0.0


def _halved(
    stop: Stop, terrain: Terrain, pilot: Member, *, state: Reals, share: float
) -> tuple[Stop, Reals]:
    """The stop with half the steps it needs, and the state after all of them."""
    one = _walked(walk(stop, terrain), state, pilot)
    for _ in range(MOST_DOUBLINGS):
        other = _walked(walk(_doubled(stop), terrain), state, pilot)
        if distance(terrain, one, other) / 3.0 <= share:
            return stop, other
        stop, one = _doubled(stop), other
    raise NotConverged(
        f"day {stop.day:g}: steps of {stop.step_days:.2g} days still err by more than "
        "time_tolerance allows; choose a larger one"
    )


def _near(stop: Stop, guess: float) -> Stop:
    """The stop with the fewest steps of the ladder n 2^k that are no longer than twice a guess."""
    while stop.step_days > 2.0 * guess:
        stop = _doubled(stop)
    return stop


def _doubled(stop: Stop) -> Stop:
    return replace(stop, steps=2 * stop.steps, step_days=0.5 * stop.step_days)


def _walked(moves: Sequence[Move], state: Reals, member: Member) -> Reals:
    for move in moves:
        state = move.done(state, member)
    return state
