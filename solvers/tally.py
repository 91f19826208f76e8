"""What the members of an ensemble say together: volumes, masses, mean and probability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.course import State
from solvers.failures import NotConverged
from solvers.refinement import Mesh
from solvers.terrain import Terrain
from solvers.tetrahedra import volume_above_mm3, volumes_mm3

LOWEST_DENSITY: Final = -0.05
HIGHEST_DENSITY: Final = 1.05


class Tally:
    """Sums over members of what their states say."""

    def __init__(
        self,
        mesh: Mesh,
        shape: tuple[int, int],
        *,
        species: Sequence[str],
        visible: float,
        keep: bool,
    ) -> None:
        """Start from nothing.

        Args:
            mesh: of the densities.
            shape: how many members and report days.
            species: of a state.
            visible: density seen as tumour.
            keep: every member's densities, too.
        """
        (members, days), nodes = shape, len(mesh.points_mm)
        self._members, self._visible = members, visible
        self.volume_ml, self.mass_ml = np.zeros(shape), np.zeros(shape)
        self._sum, self._seen = (np.zeros((days, nodes)) for _ in range(2))
        self._species = tuple(species) if len(species) > 1 else ()
        names = ("density", *(f"density@{name}" for name in self._species)) if keep else ()
        self._kept = {name: np.zeros((members, days, nodes), np.float32) for name in names}
        self._cell_volumes: dict[int, NDArray[np.float64]] = {}
        self._points = mesh.points_mm
        self.lowest, self.highest = 0.0, 0.0

    def add(self, member: int, state: State) -> None:
        """Take in one state; raises NotConverged when its density is none."""
        density = state.density
        low, high = float(density.min()), float(density.max())
        if not (low >= LOWEST_DENSITY and high <= HIGHEST_DENSITY):
            raise NotConverged(
                f"member {member}: the density runs from {low:.3g} to {high:.3g} at report "
                f"{state.report}: the front is too steep for the mesh; choose a smaller edge_mm"
            )
        self.lowest, self.highest = min(self.lowest, low), max(self.highest, high)
        terrain, day = state.terrain, state.report
        local = density[terrain.nodes]
        self.volume_ml[member, day] = 1e-3 * volume_above_mm3(
            local, self._visible, terrain.cells, self._volumes_of(terrain)
        )
        self.mass_ml[member, day] = 1e-3 * float(terrain.volumes_mm3 @ local)
        self._sum[day] += density
        self._seen[day] += density > self._visible
        if self._kept:
            self._kept["density"][member, day] = density
            for name, row in zip(self._species, state.species, strict=bool(self._species)):
                self._kept[f"density@{name}"][member, day] = row

    def join(self, comm: Any) -> None:
        """Take in what the other ranks' tallies say of other members, on every rank of `comm`."""
        if comm.size == 1:
            return
        from mpi4py import MPI

        for sums in (self.volume_ml, self.mass_ml, self._sum, self._seen, *self._kept.values()):
            comm.Allreduce(MPI.IN_PLACE, sums)
        self.lowest = comm.allreduce(self.lowest, MPI.MIN)
        self.highest = comm.allreduce(self.highest, MPI.MAX)

    def fields(self) -> dict[str, NDArray[Any]]:
        """Return the output arrays that speak of densities."""
        fields: dict[str, NDArray[Any]] = {
            "density_mean": (self._sum / self._members).astype(np.float32),
            "visible_probability": (self._seen / self._members).astype(np.float32),
        }
        return fields | self._kept

    def _volumes_of(self, terrain: Terrain) -> NDArray[np.float64]:
        if id(terrain) not in self._cell_volumes:
            volumes = volumes_mm3(self._points[terrain.nodes], terrain.cells)
            self._cell_volumes[id(terrain)] = volumes
        return self._cell_volumes[id(terrain)]
