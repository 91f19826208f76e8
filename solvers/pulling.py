"""The moves of a tumour's course transposed: from a slope after a move to the slope before it.

The slope of a scalar J by a state is (species, k), as the state. What each move adds to the slopes
by the numbers of the member is gathered in a `Gradient`. Derivatives are those of the discrete
moves themselves (discretise, then differentiate): exact up to the tolerance of the linear solves.

One step of `solvers.diffusion`, u1 = u - c h A⁻¹ K u with A = M + h K, h half its days, c = 2
(Crank-Nicolson) or 1 (implicit Euler), has with w = A⁻¹ dJ/du1

    dJ/du = dJ/du1 - c h K w,     dJ = -c h w·dK (u + (u1 - u) / c):

differentiate A u1 = A u - c h K u; A and K are symmetric.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.contract import Event
from solvers.diffusion import Diffusion
from solvers.moves import (
    NUTRIENT,
    Limit,
    Member,
    Move,
    React,
    Remove,
    Report,
    Scale,
    Spread,
    Values,
    fed,
)
from solvers.nutrient import REACH, UPTAKE
from solvers.rows import Rows
from solvers.terrain import Terrain
from solvers.tetrahedra import edge_weights_mm

Reals = NDArray[np.float64]


@dataclass(eq=False)
class Gradient:
    """What J gains per change of each number of a member, so far.

    Args:
        rows: of the course; one rank has all nodes.
        rates: of the member.

    Attributes:
        values: parameter → dJ per change of it, or (k,) of its value at each node alone.
        rates: (r, 2) dJ per change of each rate's amount and decay per day.
        factors: event → like the state, dJ per change of what it multiplies the density by.
        diffusivity: dJ per mm²/day of one number for all cells.
    """

    rows: Rows
    rates: Reals
    values: dict[str, float | Reals] = field(default_factory=dict)
    factors: dict[Event, Reals] = field(default_factory=dict)
    diffusivity: float = 0.0

    def __post_init__(self) -> None:
        """Start from nothing."""
        self._on_edges = np.zeros(len(self.rows.edges))

    @cached_property
    def _differences(self) -> sparse.csr_array:
        """(e, k): a field at the nodes to its differences along the edges."""
        position = np.empty(len(self.rows.order), np.int32)
        position[self.rows.own] = np.arange(len(self.rows.own), dtype=np.int32)
        columns = position[self.rows.edges].ravel()
        ends = np.arange(0, len(columns) + 1, 2, dtype=np.int32)
        signs = np.tile([1.0, -1.0], len(self.rows.edges))
        return sparse.csr_array((signs, columns, ends), shape=(len(ends) - 1, len(position)))

    def gain(self, values: Mapping[str, float | Reals]) -> None:
        """Add dJ per change of values, at each node or in all."""
        for name, slope in values.items():
            self.values[name] = self.values.get(name, 0.0) + slope

    def spread(
        self, member: Member, weight: float, *, solved: Reals, flow: Reals, mean: Reals
    ) -> None:
        """Add weight · `solved`·dK `mean`, of which `flow` is K `solved`; (k,) each."""
        if isinstance(member.diffusivity, float):
            self.diffusivity += weight * float(flow @ mean) / member.diffusivity
            return
        self._on_edges -= weight * (self._differences @ solved) * (self._differences @ mean)

    def cells(self, tensor: Reals | None) -> Reals:
        """Return (m,) dJ per mm²/day of each cell of the mesh.

        The stiffness of a cell couples the ends of each of its edges by D w: v·K u = -Σ D w Δv Δu.
        """
        mesh = self.rows.mesh
        weights = edge_weights_mm(mesh.points_mm, mesh.cells, tensor)
        return np.asarray((weights * self._on_edges[self.rows.edges_of]).sum(axis=1))


def pulled(
    move: Move, slope: Reals, before: Reals, after: Reals, *, member: Member, gradient: Gradient
) -> Reals:
    """Return the slope (species, k) before a move; adds to the gradient.

    Args:
        move: of the member's course.
        slope: (species, k) dJ per density after it.
        before, after: (species, k) the state on both sides of it.
        member: whose course it is.
        gradient: what is gathered.
    """
    match move:
        case React():
            return _react(move, slope, before, member=member, gradient=gradient)
        case Spread():
            return _spread(move, slope, (before, after), member=member, gradient=gradient)
        case Limit():
            return _limit(move, slope, (before, after), member)
        case Scale():
            by_factor = slope * before
            known = gradient.factors.get(move.event)
            gradient.factors[move.event] = by_factor if known is None else known + by_factor
            return slope * member.factors[move.event]
        case Remove():
            return np.where(move.terrain.inside, slope, 0.0)
        case Report():
            return slope
    raise NotImplementedError(f"{type(move).__name__} has no transpose")


def _react(
    move: React, slope: Reals, before: Reals, *, member: Member, gradient: Gradient
) -> Reals:
    reaction = _Reaction(move, member, gradient)
    if NUTRIENT not in member.model.fields:
        return reaction.back(slope, before, member.values, move.end)[0]
    early, half = fed(move.terrain, before, member), 0.5 * (move.start + move.end)
    span = (move.start, half)
    middle: Reals = member.model.reacted(before, early, span, member.rates)
    late = fed(move.terrain, middle, member)
    found, by_late = reaction.back(slope, before, late, move.end)
    by_middle = reaction.starved(middle, late, by_late)
    more, by_early = reaction.back(by_middle, before, early, half)
    return found + more + reaction.starved(before, early, by_early)


@dataclass(frozen=True, eq=False)
class _Reaction:
    move: React
    member: Member
    gradient: Gradient

    def back(
        self, slope: Reals, before: Reals, values: Values, end: float
    ) -> tuple[Reals, float | Reals]:
        """The slope (species, k) before a reaction until `end`, and that by the nutrient (k,)."""
        model, rates = self.member.model, self.member.rates
        found = model.pulled(before, values, (self.move.start, end), rates, slope=slope)
        by_values = dict(found.values)
        by_nutrient = by_values.pop(NUTRIENT, 0.0)
        self.gradient.gain(by_values)
        if found.rates:
            self.gradient.rates += np.array(found.rates)
        return found.state, by_nutrient

    def starved(self, state: Reals, values: Values, by_nutrient: float | Reals) -> Reals:
        """The slope (species, k) by the state whose first row has left a nutrient."""
        nutrient = self.move.terrain.nutrient(float(self.member.values[REACH]))
        found, slope = (np.asarray(each) for each in (values[NUTRIENT], by_nutrient))
        slopes = nutrient.pulled(state[0], values[UPTAKE], found, slope)
        self.gradient.gain(slopes.values)
        return np.concatenate([slopes.cells[None], np.zeros_like(state[1:])])


def _spread(
    move: Spread,
    slope: Reals,
    states: tuple[Reals, Reals],
    *,
    member: Member,
    gradient: Gradient,
) -> Reals:
    before, after = states
    operator = move.terrain.operator(member.diffusivity, move.days)
    found = slope.copy()
    for row, share in enumerate(member.model.spreads(member.values)):
        if not share:
            continue
        step = _Step(operator, member, gradient, row)
        if move.damped:
            middle = operator.euler(before[row], row)
            found[row] = step.back(slope[row], middle, after[row], 1.0)
            found[row] = step.back(found[row], before[row], middle, 1.0)
        else:
            found[row] = step.back(slope[row], before[row], after[row], 2.0)
    return found


@dataclass(frozen=True, eq=False)
class _Step:
    operator: Diffusion
    member: Member
    gradient: Gradient
    row: int

    def back(self, slope: Reals, before: Reals, after: Reals, halves: float) -> Reals:
        """The slope (k,) before one step of `halves` c."""
        solved, flow = self.operator.transposed(slope, self.row)
        weight = halves * self.operator.half
        mean = before + (after - before) / halves
        self.gradient.spread(self.member, -weight, solved=solved, flow=flow, mean=mean)
        return slope - weight * flow


def _limit(move: Limit, slope: Reals, states: tuple[Reals, Reals], member: Member) -> Reals:
    before, after = states
    found, state = slope.copy(), before.copy()
    rows = [row for row, share in enumerate(member.model.spreads(member.values)) if share]
    ceilings = []
    for row in rows:
        others = np.delete(state, row, axis=0).sum(axis=0)
        ceilings.append((row, state.copy(), others))
        state[row] = after[row]
    for row, known, others in reversed(ceilings):
        room = np.clip(others, 0.0, 1.0)
        own, by_ceiling = limited_back(move.terrain, found[row], known[row], 1.0 - room)
        found[row] = own
        felt = np.where((others > 0.0) & (others < 1.0), by_ceiling, 0.0)
        for other in range(len(found)):
            if other != row:
                found[other] -= felt
    return found


def limited_back(
    terrain: Terrain, slope: Reals, density: Reals, ceiling: Reals
) -> tuple[Reals, Reals]:
    """Return dJ per density and per ceiling (k,) before `solvers.diffusion.limited`.

    With v = min(max(u, 0), c), r = v (c - v), f = Σ s (u - v) / Σ s r the limited density is
    v + f r, s the nodes' volumes; v moves with u between the bounds, with c above.
    """
    cut = np.minimum(np.maximum(density, 0.0), ceiling)
    room, sides = cut * (ceiling - cut), terrain.shares_mm3
    space, share = float(sides @ room), float(sides @ (density - cut))
    if space == 0.0 or not (density != cut).any():
        return slope, np.zeros_like(slope)
    part = share / space
    by_part = float(slope @ room) / space
    by_room = part * (slope - by_part * sides)
    by_cut = slope + by_room * (ceiling - 2.0 * cut) - by_part * sides
    inside = (density > 0.0) & (density < ceiling)
    own = by_part * sides + np.where(inside, by_cut, 0.0)
    return own, by_room * cut + np.where(density >= ceiling, by_cut, 0.0)
