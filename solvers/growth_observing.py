"""What was seen of a tumour, and how far a course is from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.contract import Input
from solvers.failures import BadInput
from solvers.meshfiles import real_array
from solvers.observing import interpolation
from solvers.refinement import Mesh
from solvers.terrain import Terrain
from solvers.tetrahedra import volume_above_mm3, volume_above_slopes_mm3, volumes_mm3
from solvers.timeline import SAME_DAY

Reals = NDArray[np.float64]
INPUTS: Final = (
    Input("observed_days", "(q,)", "float64", "day", "days that were seen, among `days`"),
    Input("observed_volume_ml", "(q,)", "float64", "mL", "visible volume", False),
    Input("observed_volume_sd_ml", "(q,)", "float64", "mL", "its standard deviation", False),
    Input("observed_points_mm", "(k, 3)", "float64", "mm", "where density was seen, LPS", False),
    Input("observed_density", "(q, k)", "float64", "1", "of all species there", False),
    Input("observed_density_sd", "(q, k)", "float64", "1", "its standard deviation", False),
)


@dataclass(frozen=True, eq=False)
class Seen:
    """Volumes and densities, each independent and Gaussian.

    Args:
        mesh: of the densities.
        visible: density seen as tumour.
        reports: (q,) index of each day seen among the report days.
        terrains: where there is tissue on each of those days.
        volume_ml, volume_sd_ml: (q,), empty when not seen.
        at: (k, n) sparse: density of the nodes → that of the points.
        density, density_sd: (q, k).
    """

    mesh: Mesh
    visible: float
    reports: tuple[int, ...]
    terrains: Sequence[Terrain]
    volume_ml: Reals
    volume_sd_ml: Reals
    at: sparse.csr_array
    density: Reals
    density_sd: Reals

    def misfit(self, states: Reals) -> tuple[float, Reals]:
        """Return J = Σ (seen - modelled)² / (2 sd²) and its slope, of the shape of `states`.

        Args:
            states: (t, species, n) on the report days.
        """
        value, slopes = 0.0, np.zeros_like(states)
        for row, report in enumerate(self.reports):
            density = states[report].sum(axis=0)
            if len(self.volume_ml):
                away, of_volume = self._off(density, row)
                value += 0.5 * away**2
                slopes[report] += away / self.volume_sd_ml[row] * of_volume
            if len(self.density):
                apart = (self.at @ density - self.density[row]) / self.density_sd[row]
                value += 0.5 * float((apart**2).sum())
                slopes[report] += self.at.T @ (apart / self.density_sd[row])
        return value, slopes

    def by_visible(self, states: Reals) -> float:
        """Return the slope of J by the visible density, at which volumes end."""
        total = 0.0
        for row, report in enumerate(self.reports if len(self.volume_ml) else ()):
            away, of_volume = self._off(states[report].sum(axis=0), row)
            total -= away / self.volume_sd_ml[row] * float(of_volume.sum())
        return total

    def _off(self, density: Reals, row: int) -> tuple[float, Reals]:
        """How many standard deviations a visible volume is off, and (n,) its slope in mL."""
        cells = self.mesh.cells[self.terrains[row].kept]
        told = density, self.visible, cells, volumes_mm3(self.mesh.points_mm, cells)
        volume = 1e-3 * volume_above_mm3(*told)
        off = (volume - self.volume_ml[row]) / self.volume_sd_ml[row]
        return float(off), 1e-3 * volume_above_slopes_mm3(*told)


def seen_from(
    arrays: Mapping[str, NDArray[Any]],
    mesh: Mesh,
    *,
    days: Sequence[float],
    visible: float,
    terrains: Mapping[int, Terrain],
) -> Seen:
    """Return what the arrays of `INPUTS` say.

    Args:
        arrays: of the job.
        mesh: of the densities.
        days: report days.
        visible: density seen as tumour.
        terrains: report → where there is tissue then.

    Raises:
        BadInput: missing, of a wrong shape, a day that is not reported, or no noise.
    """
    seen_days = real_array(arrays, "observed_days", (None,))
    reports = tuple(_report(day, days) for day in seen_days)
    volume, volume_sd = np.zeros(0), np.zeros(0)
    if "observed_volume_ml" in arrays:
        volume = real_array(arrays, "observed_volume_ml", (len(reports),))
        volume_sd = _noise(arrays, "observed_volume_sd_ml", (len(reports),))
    at: sparse.csr_array = sparse.csr_array((0, len(mesh.points_mm)))
    density, density_sd = np.zeros((0, 0)), np.zeros((0, 0))
    if "observed_density" in arrays:
        points = real_array(arrays, "observed_points_mm", (None, 3))
        at = interpolation(mesh, points)
        density = real_array(arrays, "observed_density", (len(reports), len(points)))
        density_sd = _noise(arrays, "observed_density_sd", (len(reports), len(points)))
    if not len(volume) and not len(density):
        raise BadInput("nothing was seen: give observed_volume_ml or observed_density")
    return Seen(
        mesh, visible, reports, [terrains[report] for report in reports],
        volume, volume_sd, at, density, density_sd,
    )  # fmt: skip


def _report(day: float, days: Sequence[float]) -> int:
    found = [index for index, other in enumerate(days) if abs(day - other) <= SAME_DAY]
    if not found:
        raise BadInput(f"observed_days: day {day:g} is not among the days to report")
    return found[0]


def _noise(arrays: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, ...]) -> Reals:
    noise = real_array(arrays, name, shape)
    if not (noise > 0.0).all():
        raise BadInput(f"{name}: each standard deviation must be positive")
    return noise
