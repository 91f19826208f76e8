"""What the members of an ensemble say together: volumes, masses, mean and probability."""

from __future__ import annotations

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

    def __init__(self, mesh: Mesh, members: int, days: int, *, visible: float, keep: bool) -> None:
        """Start from nothing."""
        self._members, self._visible = members, visible
        self.volume_ml, self.mass_ml = np.zeros((members, days)), np.zeros((members, days))
        self._sum, self._seen = (np.zeros((days, len(mesh.points_mm))) for _ in range(2))
        self._kept = np.zeros((members, *self._sum.shape), np.float32) if keep else None
        self._cell_volumes: dict[int, NDArray[np.float64]] = {}
        self._points = mesh.points_mm
        self.lowest, self.highest = 0.0, 0.0

    def add(self, member: int, state: State) -> None:
        """Take in one state; raises NotConverged when its density is none."""
        low, high = float(state.density.min()), float(state.density.max())
        if not (low >= LOWEST_DENSITY and high <= HIGHEST_DENSITY):
            raise NotConverged(
                f"member {member}: the density runs from {low:.3g} to {high:.3g} at report "
                f"{state.report}: the front is too steep for the mesh; choose a smaller edge_mm"
            )
        self.lowest, self.highest = min(self.lowest, low), max(self.highest, high)
        terrain, day = state.terrain, state.report
        local = state.density[terrain.nodes]
        self.volume_ml[member, day] = 1e-3 * volume_above_mm3(
            local, self._visible, terrain.cells, self._volumes_of(terrain)
        )
        self.mass_ml[member, day] = 1e-3 * float(terrain.volumes_mm3 @ local)
        self._sum[day] += state.density
        self._seen[day] += state.density > self._visible
        if self._kept is not None:
            self._kept[member, day] = state.density

    def fields(self) -> dict[str, NDArray[Any]]:
        """Return the output arrays that speak of densities."""
        fields = {
            "density_mean": (self._sum / self._members).astype(np.float32),
            "visible_probability": (self._seen / self._members).astype(np.float32),
        }
        return fields if self._kept is None else {**fields, "density": self._kept}

    def _volumes_of(self, terrain: Terrain) -> NDArray[np.float64]:
        if id(terrain) not in self._cell_volumes:
            volumes = volumes_mm3(self._points[terrain.nodes], terrain.cells)
            self._cell_volumes[id(terrain)] = volumes
        return self._cell_volumes[id(terrain)]
