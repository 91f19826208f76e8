"""The course of a tumour: the terrains it grows on, its moves, and a march through them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Event
from solvers.failures import BadInput, NotConverged
from solvers.growth import Growth
from solvers.moves import INSTANT, Member, Move, React, Report, Values, diffusion_of, moves_of
from solvers.refinement import Mesh
from solvers.rows import Rows
from solvers.terrain import LINEAR_TOLERANCE, Terrain
from solvers.timeline import Stop
from solvers.treatments import factor_of, rates_of

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class State:
    """One member on a report day, on all nodes in the mesh's order, on every rank.

    Args:
        report: index into the report days.
        species: (species, n) density of each.
        terrain: where there is tissue.
    """

    report: int
    species: Reals
    terrain: Terrain

    @property
    def density(self) -> Reals:
        """(n,) the sum of the species."""
        return self.species[0] if len(self.species) == 1 else self.species.sum(axis=0)


class Course:
    """What happens to every member alike: the stops, and the terrain after each.

    Args:
        mesh: where the tumour grows.
        stops: from `solvers.timeline.timeline`.
        inside: event's `where` → (n,) signed distance in mm of the nodes, negative inside.
        tensor: as of `Terrain`.
        comm: MPI communicator of those who share the nodes; None: this process is alone.
        tolerance: as of `Terrain`.

    Attributes:
        rows: which nodes this rank owns.
    """

    def __init__(
        self,
        mesh: Mesh,
        stops: Sequence[Stop],
        inside: Mapping[str, Reals] | None = None,
        *,
        tensor: Reals | None = None,
        comm: Any = None,
        tolerance: float = LINEAR_TOLERANCE,
    ) -> None:
        """Order the nodes; terrains are made as members need them."""
        self.mesh, self.stops, self.rows = mesh, stops, Rows(mesh, comm)
        self._inside = inside or {}
        self._tensor, self._tolerance = tensor, tolerance
        self._terrains: dict[bytes, Terrain] = {}
        self._moves: dict[bytes, tuple[Move, ...]] = {}

    @property
    def terrains(self) -> tuple[Terrain, ...]:
        """Every terrain made so far."""
        return tuple(self._terrains.values())

    def rescheduled(self, stops: Sequence[Stop]) -> Course:
        """Return the same course in other steps; terrains are shared."""
        other = copy(self)
        other.stops, other._moves = stops, {}
        return other

    def moves(self, member: Member) -> tuple[Move, ...]:
        """Return what happens to a member, in order; members of equal barriers share it.

        Raises:
            BadInput: nothing of the organ is left.
        """
        key = self._opened(member).tobytes()
        if key not in self._moves:
            self._moves[key] = moves_of(self.stops, self.terrains_of(member))
        return self._moves[key]

    def terrains_of(self, member: Member) -> list[Terrain]:
        """Return where a member's tumour can be at first, and after each stop.

        Raises:
            BadInput: nothing of the organ is left.
        """
        kept = self._opened(member)
        terrains = [self._terrain(kept, 0.0)]
        for stop in self.stops:
            for event in stop.events:
                if event.kind == "remove_region":
                    kept = kept & (self._inside[event.where][self.mesh.cells].mean(axis=1) >= 0.0)
            terrains.append(self._terrain(kept, stop.day))
        return terrains

    def _opened(self, member: Member) -> NDArray[np.bool_]:
        """(m,) where the member's D is not 0."""
        if isinstance(member.diffusivity, np.ndarray) and any(member.model.spreads(member.values)):
            return member.diffusivity > 0.0
        return np.ones(len(self.mesh.cells), bool)

    def _terrain(self, kept: NDArray[np.bool_], day: float) -> Terrain:
        if not kept.any():
            raise BadInput(f"day {day:g}: nothing of the organ is left for the tumour")
        key = kept.tobytes()
        if key not in self._terrains:
            terrain = Terrain(self.rows, kept, self._tensor, tolerance=self._tolerance)
            self._terrains[key] = terrain
        return self._terrains[key]

    def member(
        self,
        model: Growth,
        values: Values,
        events: Sequence[Event] = (),
        *,
        diffusivity: float | Reals | None = None,
        doses_gy: Mapping[str, Reals] | None = None,
    ) -> Member:
        """Return a member with what treatments do to it.

        Args:
            model: how it grows.
            values: parameter → number, or (n,) at the nodes in the mesh's order.
            events: what happens to it.
            diffusivity: as of `Member`; None: the one among the values, 0 if there is none.
            doses_gy: ``where`` of an irradiation → (n,) Gy at the nodes.
        """
        own = {k: self.rows.taken(v) if isinstance(v, np.ndarray) else v for k, v in values.items()}
        inside, doses = (
            {name: self.rows.taken(field) for name, field in fields.items()}
            for fields in (self._inside, doses_gy or {})
        )
        factors = {
            event: factor_of(
                event,
                model,
                own,
                inside=inside.get(event.where),
                dose_gy=doses.get(event.where),
            )
            for event in events
            if event.kind in INSTANT
        }
        spread = diffusion_of(values) if diffusivity is None else diffusivity
        return Member(model, own, rates_of(events, own), spread, factors)

    def march(self, member: Member, start: Reals) -> Iterator[State]:
        """Yield the states of one member on the report days.

        Args:
            start: (n,) or (species, n) on day 0, in the mesh's order.

        Raises:
            BadInput: nothing of the organ is left.
            NotConverged: a density left its bounds, or a linear solve failed; says when and where,
                and keeps the last state that was good.
        """
        moves = self.moves(member)
        for terrain in self.terrains:
            terrain.forget()
        state, day = self.rows.taken(np.atleast_2d(start)), 0.0
        good = day, state
        for move in moves:
            try:
                with np.errstate(over="ignore", invalid="ignore"):
                    state = move.done(state, member)
            except NotConverged as error:
                last = {"last_day": np.array(good[0]), "last_density": self.rows.gathered(good[1])}
                raise NotConverged(f"day {day:g}: {error}", last) from error
            if isinstance(move, React):
                day = move.end
            else:
                good = day, state
            if isinstance(move, Report):
                yield State(move.index, self.rows.gathered(state), move.terrain)
