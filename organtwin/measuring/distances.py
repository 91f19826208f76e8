"""How far two surfaces lie apart, everywhere.

Each point of a surface carries the area around it, so that numbers do not depend on how densely a
surface was sampled (Nikolov et al. 2018, arXiv:1809.04430, weigh their surface elements alike).
Distances are exact from a point to the nearest point of the other surface's triangles, in mm, so
voxels of any shape count as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.watch import Watch
from organtwin.measuring.surfaces import Shell

POINTS_AT_ONCE: Final = 20_000


@dataclass(frozen=True, eq=False)
class Distances:
    """Two surfaces and their distances.

    Args:
        first, second: the surfaces; the first is what the second is held against.
        first_mm: (n,) float64 mm, from each point of the first to the second; negative where the
            point lies inside the second.
        second_mm: (m,) float64 mm, from each point of the second to the first; negative where the
            second falls short of the first, positive where it goes beyond.
    """

    first: Shell
    second: Shell
    first_mm: NDArray[np.float64]
    second_mm: NDArray[np.float64]

    @property
    def mean_mm(self) -> float:
        """Mean distance over both surfaces, by area."""
        ways = self._ways()
        total = sum(float(far @ areas) for far, areas in ways)
        return total / sum(float(areas.sum()) for _, areas in ways)

    @property
    def shift_mm(self) -> float:
        """Mean signed distance of the second from the first, by area: positive where it is larger.

        The mean of both ways, the first's taken with the opposite sign.
        """
        beyond = float(np.average(self.second_mm, weights=self.second.areas_mm2))
        short = float(np.average(self.first_mm, weights=self.first.areas_mm2))
        return (beyond - short) / 2.0

    @property
    def hausdorff_mm(self) -> float:
        """The largest distance of a point of either surface from the other."""
        return max(float(far.max()) for far, _ in self._ways())

    def percentile_mm(self, percent: float = 95.0) -> float:
        """Return the distance that so much of the area stays within: the worse of both ways."""
        return max(_percentile(far, areas, percent) for far, areas in self._ways())

    def _ways(self) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]:
        return (
            (np.abs(self.first_mm), self.first.areas_mm2),
            (np.abs(self.second_mm), self.second.areas_mm2),
        )


def distances_of(first: Shell, second: Shell, watch: Watch) -> Distances:
    """Return the distances of two surfaces from each other."""
    return Distances(
        first,
        second,
        signed_mm(first.points, second, watch.part(0.0, 0.5)),
        signed_mm(second.points, first, watch.part(0.5, 1.0)),
    )


def signed_mm(points_mm: NDArray[np.float64], shell: Shell, watch: Watch) -> NDArray[np.float64]:
    """Return (n,) mm from points (n, 3) LPS mm to a surface, negative inside it.

    The sign is that of the angle-weighted normal where the surface is nearest (Bærentzen & Aanæs
    2005, IEEE TVCG 11:243).
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkDoubleArray
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

    centre = shell.points.mean(axis=0)
    distance: Any = vtkImplicitPolyDataDistance()
    distance.SetInput(_poly(shell.points - centre, shell.triangles))
    found = []
    for start in range(0, len(points_mm), POINTS_AT_ONCE):
        watch.tell(start / len(points_mm), "measuring how far surfaces lie apart")
        some = np.ascontiguousarray(points_mm[start : start + POINTS_AT_ONCE] - centre)
        values = vtkDoubleArray()
        distance.FunctionValue(numpy_to_vtk(some, deep=1), values)
        found.append(vtk_to_numpy(values).copy())
    return np.concatenate(found)


def _percentile(far: NDArray[np.float64], areas: NDArray[np.float64], percent: float) -> float:
    order = np.argsort(far, kind="stable")
    reached = np.cumsum(areas[order])
    place = int(np.searchsorted(reached, percent / 100.0 * reached[-1]))
    return float(far[order[min(place, len(far) - 1)]])


def _poly(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

    held = vtkPoints()
    held.SetData(numpy_to_vtk(np.ascontiguousarray(points), deep=1))
    offsets = np.arange(0, triangles.size + 1, 3, dtype=np.int64)
    cells = vtkCellArray()
    cells.SetData(numpy_to_vtk(offsets, deep=1), numpy_to_vtk(triangles.ravel(), deep=1))
    poly = vtkPolyData()
    poly.SetPoints(held)
    poly.SetPolys(cells)
    return poly
