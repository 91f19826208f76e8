"""How long the edges of a mesh shall be, and a field that grades them smoothly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import Structure, StructureKind

LEVELS = 10


@dataclass(frozen=True)
class Sizes:
    """What a mesh shall resolve; the same Sizes and labels give the same mesh, byte for byte.

    The defaults give about 6000 points for a liver with two small tumours, a mesh that a mixed
    finite-element solve of its deformation can afford in about half a minute.

    Args:
        organ_edge_mm: edges in the organ, away from anything small.
        tumour_edge_mm: edges on and in tumours.
        vessel_radius_mm: vessels narrower than this radius are joined to the organ.
        smallest_edge_mm: edges are never aimed below this, however thin a structure is.
        grading: how many mm edges may grow per mm of distance (1).
        edges_per_radius: where a structure is thin, its edges are its inner radius over this.
        seed: of the random numbers of the sampling.
    """

    organ_edge_mm: float = 8.0
    tumour_edge_mm: float = 3.0
    vessel_radius_mm: float = 4.0
    smallest_edge_mm: float = 1.5
    grading: float = 0.5
    edges_per_radius: float = 1.0
    seed: int = 20240229

    def __post_init__(self) -> None:
        """Raise BadArgument for sizes no mesh can have."""
        edges = (self.organ_edge_mm, self.tumour_edge_mm, self.smallest_edge_mm)
        if not all(0.2 <= edge <= 50.0 for edge in edges):
            raise BadArgument("edges lie between 0.2 and 50 mm", where="Sizes")
        if self.smallest_edge_mm > min(self.organ_edge_mm, self.tumour_edge_mm):
            raise BadArgument("the smallest edge is longer than another one", where="Sizes")
        if not (0.05 <= self.grading <= 1.0 and 0.5 <= self.edges_per_radius <= 4.0):
            raise BadArgument("grading is 0.05..1, edges_per_radius 0.5..4", where="Sizes")
        if not 0.0 <= self.vessel_radius_mm <= 50.0:
            raise BadArgument("vessel_radius_mm lies between 0 and 50 mm", where="Sizes")

    def bounds_mm(self, kind: StructureKind) -> tuple[float, float]:
        """Shortest and longest edge aimed at on the surface of one kind of structure."""
        longest = self.organ_edge_mm
        if kind == "tumour":
            return self.smallest_edge_mm, self.tumour_edge_mm
        if kind == "vessel":
            return min(max(self.smallest_edge_mm, self.vessel_radius_mm), longest), longest
        return max(self.smallest_edge_mm, 0.5 * longest), longest


class SizeField:
    """Edge length wanted anywhere: min over seeds of (its size + grading × distance).

    Args:
        points: (n, 3) float64, LPS mm, where a size is asked for.
        sizes_mm: (n,) float64, the size asked for there.
        limit_mm: nowhere more than this.
        grading: growth of the size per distance (1).
    """

    def __init__(
        self,
        points: NDArray[np.float64],
        sizes_mm: NDArray[np.float64],
        limit_mm: float,
        grading: float,
    ) -> None:
        self._limit, self._grading = limit_mm, grading
        edges = np.geomspace(max(sizes_mm.min(), 1e-3), limit_mm * 1.0001, LEVELS + 1)
        level = np.clip(np.searchsorted(edges, sizes_mm, side="right") - 1, 0, LEVELS - 1)
        self._levels = [
            (float(sizes_mm[level == number].mean()), cKDTree(points[level == number]))
            for number in np.unique(level)
        ]

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n,) the edge length in mm wanted at (n, 3) LPS mm."""
        wanted = np.full(len(points), self._limit)
        for size, tree in self._levels:
            reach = (self._limit - size) / self._grading
            distance, _ = tree.query(points, distance_upper_bound=max(reach, 1e-6))
            np.minimum(wanted, size + self._grading * distance, out=wanted)
        return wanted


def kinds_by_label(structures: tuple[Structure, ...]) -> dict[int, StructureKind]:
    """Return label → kind."""
    return {structure.label: structure.kind for structure in structures}
