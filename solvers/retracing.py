"""A course marched, judged on its report days, and taken back: J and all its slopes.

Going back needs the states a march passed. Kept is what each `stride`-th spreading gave; the rest
is marched again from there, reactions from every kept state, so that a short course costs no solve
twice and a long one stays within its memory (checkpoints: Griewank 1992,
10.1080/10556789208805505).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from solvers.course import Course
from solvers.failures import BadInput
from solvers.moves import Member, Move, Report, Spread
from solvers.pulling import Gradient, pulled

Reals = NDArray[np.float64]
Misfit = Callable[[Reals], tuple[float, Reals]]
"""States (t, species, n) on the report days → J and its slope by each of them, of that shape."""
KEPT_MB: Final = 512.0
TOLERANCE: Final = 1e-10
"""Of the linear solves of a course that is differentiated: slopes err by about as much."""


@dataclass(frozen=True, eq=False)
class Retraced:
    """What a course told and how it depends on what it was given.

    Args:
        states: (t, species, n) on the report days.
        misfit: J.
        start: (species, n) dJ per density on day 0.
        gradient: by the member's numbers.
    """

    states: Reals
    misfit: float
    start: Reals
    gradient: Gradient


def retraced(
    course: Course, member: Member, start: Reals, misfit: Misfit, *, kept_mb: float = KEPT_MB
) -> Retraced:
    """March a member, ask `misfit`, and return J and its slopes.

    Args:
        course: of one rank, best with `TOLERANCE`.
        start: (n,) or (species, n) on day 0.
        kept_mb: how much the kept states may take.

    Raises:
        BadInput: the nodes are dealt to several ranks, or the misfit's slope is of another shape.
        NotConverged: a linear solve failed.
    """
    if course.rows.comm.size > 1:
        raise BadInput("slopes are taken by one rank for each member: deal members to ranks")
    path = _Path(course.moves(member), member, kept_mb)
    rows = course.rows
    reports = path.march(rows.taken(np.atleast_2d(start)))
    states = np.array([rows.gathered(reports[index]) for index in sorted(reports)])
    value, slopes = misfit(states)
    if slopes.shape != states.shape or not np.isfinite(slopes).all():
        raise BadInput(f"the misfit's slope must be finite and of shape {states.shape}")
    gradient = Gradient(rows, np.zeros((len(member.rates), 2)))
    first = path.back({index: rows.taken(slopes[index]) for index in reports}, gradient)
    return Retraced(states, value, rows.gathered(first), gradient)


@dataclass(eq=False)
class _Path:
    """One march: its start and what some moves gave."""

    moves: tuple[Move, ...]
    member: Member
    kept_mb: float
    kept: dict[int, Reals] = field(default_factory=dict)

    def march(self, start: Reals) -> dict[int, Reals]:
        """Return the states on the report days, by index; keep what the way back needs."""
        spreads = [number for number, move in enumerate(self.moves) if isinstance(move, Spread)]
        most = max(1, int(self.kept_mb * 2**20 / start.nbytes))
        wanted = set(spreads[:: math.ceil(len(spreads) / most) or 1])
        self.kept = {-1: start}
        reports: dict[int, Reals] = {}
        state = start
        for number, move in enumerate(self.moves):
            state = move.done(state, self.member)
            if number in wanted:
                self.kept[number] = state
            if isinstance(move, Report):
                reports[move.index] = state
        return reports

    def back(self, slopes: dict[int, Reals], gradient: Gradient) -> Reals:
        """Return the slope on day 0, from those on the report days."""
        slope, end = np.zeros_like(self.kept[-1]), len(self.moves)
        for begin in sorted(self.kept, reverse=True):
            states = self._again(begin, end)
            for number in range(end - 1, begin, -1):
                move = self.moves[number]
                if isinstance(move, Report):
                    slope = slope + slopes[move.index]
                before, after = states[number - begin - 1], states[number - begin]
                slope = pulled(move, slope, before, after, member=self.member, gradient=gradient)
            end = begin + 1
        return slope

    def _again(self, begin: int, end: int) -> list[Reals]:
        """The states after the moves from `begin` to `end`, the last of them perhaps kept."""
        states = [self.kept[begin]]
        for number in range(begin + 1, end):
            known = self.kept.get(number)
            states.append(
                known if known is not None else self.moves[number].done(states[-1], self.member)
            )
        return states
