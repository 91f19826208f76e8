"""The course of a tumour: the terrains it grows on, its moves, and a march through them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Event
from solvers.failures import BadInput, NotConverged
from solvers.moves import Member, Move, React, Report, moves_of
from solvers.refinement import Mesh
from solvers.rows import Rows
from solvers.terrain import LINEAR_TOLERANCE, Terrain
from solvers.timeline import Stop

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

    def moves(self, member: Member) -> tuple[Move, ...]:
        """Return what happens to a member, in order; members of equal barriers share it.

        Raises:
            BadInput: nothing of the organ is left.
        """
        open_cells = np.ones(len(self.mesh.cells), bool)
        if isinstance(member.diffusivity, np.ndarray) and any(member.model.spreads(member.values)):
            open_cells = member.diffusivity > 0.0
        key = open_cells.tobytes()
        if key not in self._moves:
            self._moves[key] = moves_of(self.stops, self._after_stops(open_cells))
        return self._moves[key]

    def _after_stops(self, kept: NDArray[np.bool_]) -> list[Terrain]:
        terrains = [self._terrain(kept, 0.0)]
        for stop in self.stops:
            for event in stop.events:
                if event.kind == "remove_region":
                    kept = kept & (self._inside[event.where][self.mesh.cells].mean(axis=1) >= 0.0)
            terrains.append(self._terrain(kept, stop.day))
        return terrains

    def _terrain(self, kept: NDArray[np.bool_], day: float) -> Terrain:
        if not kept.any():
            raise BadInput(f"day {day:g}: nothing of the organ is left for the tumour")
        key = kept.tobytes()
        if key not in self._terrains:
            terrain = Terrain(self.rows, kept, self._tensor, tolerance=self._tolerance)
            self._terrains[key] = terrain
        return self._terrains[key]

    def factors(self, events: Sequence[Event]) -> dict[Event, float | Reals]:
        """Return what each ``scale_density`` event multiplies densities (k,) by."""
        scales = [event for event in events if event.kind == "scale_density"]
        return {event: self._factor(event) for event in scales}

    def _factor(self, event: Event) -> float | Reals:
        if not event.where:
            return event.amount
        return np.where(self.rows.taken(self._inside[event.where]) < 0.0, event.amount, 1.0)

    def march(self, member: Member, start: Reals) -> Iterator[State]:
        """Yield the states of one member on the report days.

        Args:
            start: (n,) or (species, n) on day 0, in the mesh's order.

        Raises:
            BadInput: nothing of the organ is left.
            NotConverged: a density left its bounds, or a linear solve failed; says when.
        """
        moves = self.moves(member)
        for terrain in self.terrains:
            terrain.forget()
        state, day = self.rows.taken(np.atleast_2d(start)), 0.0
        for move in moves:
            try:
                state = move.done(state, member)
            except NotConverged as error:
                raise NotConverged(f"day {day:g}: {error}") from error
            if isinstance(move, React):
                day = move.end
            if isinstance(move, Report):
                yield State(move.index, self.rows.gathered(state), move.terrain)
