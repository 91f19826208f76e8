"""One visit: what lies where on the day, seen on the scanner's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from sample_dicom.grid import Field, Flags, Floats, Grid
from sample_dicom.motion import MOTIONS, Motion
from sample_dicom.patient import TUMOUR_HU, Patient
from sample_dicom.tumours import VISIBLE

DAYS = (0, 45, 90, 135)
SPACING_MM = (1.4, 1.4, 2.5)
SHAPE = (256, 256, 96)
NODE_MM = (5.6, 5.6, 5.0)
ORIGINS_MM: dict[int, tuple[float, float, float]] = {
    0: (-178.5, -178.5, -118.75),
    45: (-175.7, -181.3, -113.75),
    90: (-182.7, -176.4, -123.75),
    135: (-177.1, -175.7, -113.75),
}


@dataclass(frozen=True)
class Visit:
    """The scanner's grid on a day and the resting point under each voxel.

    lying_mm: float32 (3, ni, nj, nk), baseline LPS mm.
    """

    day: int
    grid: Grid
    lying_mm: Floats


def attend(day: int) -> Visit:
    """Lay the patient on the table on a day."""
    grid = Grid(ORIGINS_MM[day], SPACING_MM, SHAPE)
    return Visit(day, grid, lying(MOTIONS[day], grid))


def lying(motion: Motion, grid: Grid) -> Floats:
    """The inverse motion at every voxel, float32 (3, ni, nj, nk), baseline LPS mm.

    Cubic between nodes NODE_MM apart: within 0.001 mm, and within 0.01 mm on the last 12 mm to the
    border of the grid, where the spline feels its end.
    """
    margin = 3.0 * np.asarray(NODE_MM)
    low = np.asarray(grid.origin_mm) - margin
    high = np.array([grid.axis(d)[-1] for d in range(3)]) + margin
    nodes = Grid.around((low[0], low[1], low[2]), (high[0], high[1], high[2]), NODE_MM)
    moved = motion.inverse(nodes.points().astype(np.float64)) - nodes.points()
    lines = [(grid.axis(d) - nodes.origin_mm[d]) / NODE_MM[d] for d in range(3)]
    index = np.stack(np.meshgrid(*lines, indexing="ij")).astype(np.float32)
    found = grid.points()
    for d in range(3):
        found[d] += ndimage.map_coordinates(moved[d], index, order=3, output=np.float32)
    return found


def with_tumours(resting: Field, densities: list[Field]) -> Field:
    """The resting picture with liver giving way to tumour by density (see `look`)."""
    hu = resting.values.copy()
    for density in densities:
        low = np.asarray(density.grid.origin_mm)
        reach = np.subtract(density.grid.shape, 1) * density.grid.spacing_mm
        window = resting.grid.window(low, low + reach)
        part = resting.grid.part(window)
        share = look(density.at(part.points(), outside=0.0))
        hu[window] += share * (TUMOUR_HU - hu[window])
    return Field(resting.grid, hu)


def look(density: Floats) -> Floats:
    """How much of a voxel looks like tumour: u^2 / (u^2 + (1 - u)^2), one half at u = 0.5."""
    share: Floats = density**2 / (density**2 + (1.0 - density) ** 2)
    return share


def masks(visit: Visit, patient: Patient, densities: dict[str, Field]) -> dict[str, Flags]:
    """True masks on the scanner's grid, by voxel centres, bool (ni, nj, nk).

    The liver is the whole organ with its vessels and tumours; a vessel ends where it enters
    the visible tumour.
    """
    found = {
        name: field.at(visit.lying_mm, outside=50.0) < 0.0 for name, field in patient.organs.items()
    }
    sick = np.zeros(visit.grid.shape, bool)
    for name, density in densities.items():
        found[name] = density.at(visit.lying_mm, outside=0.0) >= VISIBLE
        sick |= found[name]
    for name in ("portal vein", "hepatic vein"):
        found[name] &= ~sick
    found["hepatic vein"] &= ~found["portal vein"]
    return found
