"""Volume: voxels placed in the patient, and how well that place is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from organtwin.core.content import noun, read_only
from organtwin.core.errors import BadArgument

Grade = Literal["good", "acknowledged", "withheld"]
NEGLIGIBLE_MM: Final = 0.05


@noun
@dataclass(frozen=True)
class GeometryReport:
    """How a series' geometry was established.

    Args:
        spacing_mm: (i, j, k) distance between voxel centres.
        orientation: patient directions in which i, j, k grow, such as "LPS" or "RAS".
        tilt_deg: angle between the slice normal and the stacking direction.
        gap_min_mm, gap_max_mm: smallest and largest distance between neighbouring slices.
        missing_slices: estimated from the gaps.
        grade: good; acknowledged (a person accepted the findings); withheld (volumes and margins
            must not be shown).
        findings: one line each, empty when there is nothing to say.
        established: (what, how) for spacing, tilt, gaps, orientation, position and date.
        residual_mm: the largest distance, over all voxels of the grid that slices reach, of a
            voxel's centre from the nearest of the measured pixels that gave it its value: where
            each voxel is one measured pixel, how far it lies from where that was measured.
        interpolated_ml: how much of the grid was filled in between slices farther apart than the
            grid's spacing.
        naive_offset_mm: how far a slice would lie from its place if the slices were taken for an
            even, upright stack.
        doubt_mm, doubt_part: how far a slice would lie off, and by which part of it a volume would
            be wrong, if what the header says against the positions were right.
        resampled_from: how many slices were measured where the grid's planes are not those, else 0.
    """

    spacing_mm: tuple[float, float, float]
    orientation: str
    tilt_deg: float = 0.0
    gap_min_mm: float = 0.0
    gap_max_mm: float = 0.0
    missing_slices: int = 0
    grade: Grade = "good"
    findings: tuple[str, ...] = ()
    established: tuple[tuple[str, str], ...] = ()
    residual_mm: float = 0.0
    interpolated_ml: float = 0.0
    naive_offset_mm: float = 0.0
    doubt_mm: float = 0.0
    doubt_part: float = 0.0
    resampled_from: int = 0

    @property
    def unsure_mm(self) -> float:
        """How far a surface taken half-way between measured slices may lie off, along the normal.

        It is half of the largest gap between neighbours, never less than the residual.
        """
        return max(self.residual_mm, self.gap_max_mm / 2, self.spacing_mm[2] / 2)

    @property
    def consequence(self) -> str:
        """What the geometry amounts to in mm and mL, one line for a person."""
        said = [
            f"every voxel that slices reach lies within {self.residual_mm:.2f} mm of a measured one"
        ]
        if self.doubt_mm > 0:
            said.append(
                "if the header is right where it disagrees with the positions, slices lie up to "
                f"{self.doubt_mm:.1f} mm off and volumes are up to {self.doubt_part:.1%} wrong"
            )
        if self.interpolated_ml > 0:
            said.append(
                f"{self.interpolated_ml:.1f} mL of the image rest on slices that were never taken: "
                f"the border of a volume or margin there may lie up to {self.unsure_mm:.1f} mm off "
                "along the normal"
            )
        if self.naive_offset_mm > NEGLIGIBLE_MM:
            said.append(
                "taken for an even upright stack, a slice would lie up to "
                f"{self.naive_offset_mm:.1f} mm off"
            )
        return "; ".join(said)


@noun
@dataclass(frozen=True, eq=False)
class Volume:
    """One image of one visit.

    Args:
        voxels: (ni, nj, nk), int16 or float32, Fortran order, read-only.
        affine: (4, 4) float64, index (i, j, k, 1) → LPS mm.
        unit: of the voxel values ("HU" for CT, "1" where arbitrary).
        modality: DICOM modality ("CT", "MR", "PT").
        acquired: date of acquisition, None where the file says none.
        series_uid: SeriesInstanceUID, or the file's SHA-256 for formats without one.
        inverted: low values are shown bright (MONOCHROME1, DICOM PS3.3 C.7.6.3.1.2); the values
            are as measured.
    """

    voxels: NDArray[Any]
    affine: NDArray[np.float64]
    unit: str
    modality: str
    geometry: GeometryReport
    acquired: date | None = None
    series_uid: str = ""
    study_uid: str = ""
    frame_uid: str = ""
    description: str = ""
    inverted: bool = False

    def __post_init__(self) -> None:
        """Freeze the arrays; raise BadArgument for a wrong shape or a degenerate affine."""
        object.__setattr__(self, "voxels", read_only(self.voxels))
        object.__setattr__(self, "affine", checked_affine(self.affine))
        if self.voxels.ndim != 3:
            raise BadArgument(f"a Volume has three axes, not {self.voxels.ndim}")

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between voxel centres along i, j, k."""
        return spacing_of(self.affine)

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in mL."""
        return voxel_ml_of(self.affine)


def checked_affine(affine: NDArray[Any]) -> NDArray[np.float64]:
    """Return `affine` frozen as (4, 4) float64; raises BadArgument when it is degenerate."""
    frozen: NDArray[np.float64] = read_only(np.asarray(affine), np.float64)
    if frozen.shape != (4, 4) or not np.isfinite(frozen).all():
        raise BadArgument("an affine is a finite 4 by 4 matrix")
    if abs(np.linalg.det(frozen[:3, :3])) < 1e-9 or not np.array_equal(frozen[3], [0, 0, 0, 1]):
        raise BadArgument("an affine must map a voxel to a box of positive volume")
    return frozen


def spacing_of(affine: NDArray[np.float64]) -> tuple[float, float, float]:
    """Length in mm of one index step along i, j, k."""
    i, j, k = np.linalg.norm(affine[:3, :3], axis=0)
    return float(i), float(j), float(k)


def voxel_ml_of(affine: NDArray[np.float64]) -> float:
    """Volume of one voxel in mL (1 mL = 1000 mm³)."""
    return float(abs(np.linalg.det(affine[:3, :3]))) / 1000.0


def to_lps(affine: NDArray[np.float64], index: NDArray[Any]) -> NDArray[np.float64]:
    """Map indices (..., 3) to LPS mm (..., 3)."""
    return np.asarray(index) @ affine[:3, :3].T + affine[:3, 3]


def to_index(affine: NDArray[np.float64], lps_mm: NDArray[Any]) -> NDArray[np.float64]:
    """Map LPS mm (..., 3) to continuous indices (..., 3)."""
    return (np.asarray(lps_mm) - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
