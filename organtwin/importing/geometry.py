"""Where slices lie: one regular grid, with a report of how it was established.

Sorting, gaps and tilt come from ImagePositionPatient and ImageOrientationPatient only (DICOM
PS3.3 C.7.6.2.1.1); file names, instance numbers, SliceLocation and SpacingBetweenSlices are not
believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import WrongGeometry
from organtwin.core.volume import GeometryReport, Grade
from organtwin.importing.found import Slice

FEWEST: Final = 3
SAME_PLACE_MM: Final = 1e-3
EXACT_MM: Final = 0.011
UNEVEN: Final = 0.01
"""Of the spacing: neighbours that differ more are not evenly spaced."""
UNEVEN_CEILING_MM: Final = 0.05
WHOLE: Final = 0.03
"""How near to a whole number of spacings a gap has to be to count as missing slices."""
FINEST: Final = 4
"""A regular grid made of uneven slices has at most this many times as many."""
TILT_DEG: Final = 0.05
"""Less is the rounding of direction cosines in the file: the affine follows the positions."""
TILT_LIMIT_DEG: Final = 45.0
LETTERS: Final = (("L", "R"), ("P", "A"), ("S", "I"))


@dataclass(frozen=True)
class Stack:
    """Slices in order along their normal, and the grid they make.

    Args:
        affine: (4, 4) float64, index (i, j, k) of the grid → LPS mm.
        size: (ni, nj, nk) of the grid.
        places: (n, 3) float64, continuous index of each slice's first pixel in that grid.
        exact: each slice is one plane of the grid and fills it.
    """

    slices: tuple[Slice, ...]
    affine: NDArray[np.float64]
    size: tuple[int, int, int]
    places: NDArray[np.float64]
    report: GeometryReport
    exact: bool


def normal_of(one: Slice) -> NDArray[np.float64]:
    """Return the unit normal of a slice, such that (i, j, normal) is right-handed."""
    return np.asarray(np.cross(one.row, one.column), dtype=np.float64)


def heights_mm(slices: Sequence[Slice]) -> NDArray[np.float64]:
    """Return (n,) mm: positions along the normal of the first slice."""
    return np.array([s.position_mm for s in slices]) @ normal_of(slices[0])


def orientation_of(affine: NDArray[Any]) -> str:
    """Return the patient direction nearest to each index axis, such as "LPS"."""
    axes = affine[:3, :3].T
    nearest = [int(np.argmax(np.abs(axis))) for axis in axes]
    return "".join(LETTERS[n][int(axis[n] < 0)] for n, axis in zip(nearest, axes, strict=True))


def arranged(slices: Sequence[Slice]) -> Stack:
    """Return the grid that slices of one size, orientation and phase make.

    A missing slice or a tilted or uneven stack gives a resampled grid, grade "withheld".

    Raises:
        WrongGeometry: fewer than 3 slices, two at one place, more missing than present, or a
            stack tilted by more than 45°.
    """
    if len(slices) < FEWEST:
        raise WrongGeometry(
            "a single slice is not a volume"
            if len(slices) == 1
            else f"{len(slices)} slices are not a volume",
            advice=f"at least {FEWEST} parallel slices are needed",
        )
    order = np.argsort(heights_mm(slices), kind="stable")
    ordered = tuple(slices[n] for n in order)
    heights = heights_mm(ordered)
    gaps = np.diff(heights)
    if gaps.min() < SAME_PLACE_MM:
        raise WrongGeometry(
            f"several images lie at one place ({_at(heights, int(gaps.argmin()))})",
            advice="export one phase or echo of the series alone",
        )
    return _Arrangement(ordered, heights, gaps).stack()


def sketched(slices: Sequence[Slice], reason: str) -> GeometryReport:
    """Return what can be said of slices that make no volume."""
    first = slices[0]
    heights = np.sort(heights_mm(slices))
    gaps = np.diff(heights) if len(slices) > 1 else np.array([first.thickness_mm])
    affine = plane_grid(first, 1.0)
    return GeometryReport(
        spacing_mm=(*first.spacing_mm, float(np.median(gaps))),
        orientation=orientation_of(affine),
        gap_min_mm=float(gaps.min()),
        gap_max_mm=float(gaps.max()),
        grade="withheld",
        findings=(reason,),
    )


def plane_grid(first: Slice, step_mm: float) -> NDArray[np.float64]:
    """Return the affine of planes `step_mm` apart along the normal, starting at `first`."""
    affine = np.eye(4)
    affine[:3, 0] = np.multiply(first.row, first.spacing_mm[0])
    affine[:3, 1] = np.multiply(first.column, first.spacing_mm[1])
    affine[:3, 2] = normal_of(first) * step_mm
    affine[:3, 3] = first.position_mm
    return affine


def _at(heights: NDArray[np.float64], n: int) -> str:
    return f"{heights[n]:.2f} mm along the normal"


class _Arrangement:
    """The decisions on one stack, in the order a physicist would make them."""

    def __init__(
        self, ordered: tuple[Slice, ...], heights: NDArray[np.float64], gaps: NDArray[np.float64]
    ) -> None:
        self.slices, self.heights, self.gaps = ordered, heights, gaps
        self.positions = np.array([s.position_mm for s in ordered])
        self.findings: list[str] = []
        self.grade: Grade = "good"
        self.missing = 0

    def stack(self) -> Stack:
        upright = self._upright()
        step = self._even_step()
        exact = upright and step > 0
        if exact:
            affine = plane_grid(self.slices[0], step)
            affine[:3, 2] = (self.positions[-1] - self.positions[0]) / (len(self.slices) - 1)
            size = (*self._plane(), len(self.slices))
        else:
            step = step or self._missing_step() or self._uneven_step()
            affine, size = self._resampled(step)
        places = (self.positions - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
        return Stack(self.slices, affine, size, places, self._report(affine), exact)

    def _plane(self) -> tuple[int, int]:
        return self.slices[0].pixels.columns, self.slices[0].pixels.rows

    def _tilt_deg(self) -> float:
        along = self.positions[-1] - self.positions[0]
        across = along - normal_of(self.slices[0]) * (self.heights[-1] - self.heights[0])
        return float(
            np.degrees(np.arctan2(np.linalg.norm(across), self.heights[-1] - self.heights[0]))
        )

    def _upright(self) -> bool:
        """Return whether slices lie above each other; notes it when they do not."""
        up = np.outer(self.heights - self.heights[0], normal_of(self.slices[0]))
        sideways = self.positions - self.positions[0] - up
        share = (self.heights - self.heights[0]) / (self.heights[-1] - self.heights[0])
        bent_mm = float(np.linalg.norm(sideways - np.outer(share, sideways[-1]), axis=1).max())
        drift_mm, tilt = float(np.linalg.norm(sideways, axis=1).max()), self._tilt_deg()
        if tilt > TILT_LIMIT_DEG:
            raise WrongGeometry(
                f"the stack leans {tilt:.0f}° from the normal of its slices",
                advice="these images are no stack of slices",
            )
        if bent_mm <= EXACT_MM and (tilt <= TILT_DEG or drift_mm <= EXACT_MM):
            return True
        self._withhold(
            f"slices are shifted sideways by up to {drift_mm:.2f} mm (tilt {tilt:.2f}°); "
            "resampled to an upright grid"
        )
        return False

    def _withhold(self, finding: str) -> None:
        self.grade = "withheld"
        self.findings.append(finding)

    def _even_step(self) -> float:
        """Return the spacing of evenly spaced slices, 0 for others."""
        count = len(self.heights)
        step = float(self.heights[-1] - self.heights[0]) / (count - 1)
        residual = float(np.abs(self.heights - self.heights[0] - step * np.arange(count)).max())
        if max(residual, float(np.ptp(self.gaps))) > min(UNEVEN * step, UNEVEN_CEILING_MM):
            return 0.0
        if residual > EXACT_MM:
            self.findings.append(
                f"gaps of {self.gaps.min():.3f} to {self.gaps.max():.3f} mm are read as even; "
                f"slices lie within {residual:.3f} mm of their place"
            )
        return step

    def _missing_step(self) -> float:
        """Return the spacing when every gap is a whole number of it, else 0; notes the holes."""
        step = float(np.median(self.gaps[self.gaps < 1.5 * self.gaps.min()]))
        counts = np.round(self.gaps / step)
        if np.abs(self.gaps - counts * step).max() > WHOLE * step:
            return 0.0
        self.missing = int(counts.sum()) - len(self.gaps)
        if self.missing > len(self.slices):
            raise WrongGeometry(
                f"{self.missing} slices are missing and only {len(self.slices)} are here",
                advice="export the whole series again",
            )
        holes = "; ".join(_at(self.heights, int(n)) for n in np.flatnonzero(counts > 1)[:5])
        self._withhold(
            f"{self.missing} missing slice{'s' if self.missing > 1 else ''} (after {holes}); "
            f"filled by linear interpolation over up to {self.gaps.max():.2f} mm"
        )
        return step

    def _uneven_step(self) -> float:
        extent = float(self.heights[-1] - self.heights[0])
        step = max(float(self.gaps.min()), extent / (FINEST * len(self.slices)))
        self._withhold(
            f"gaps change from {self.gaps.min():.2f} to {self.gaps.max():.2f} mm; resampled every "
            f"{step:.2f} mm, at most {self.gaps.max() / 2:.2f} mm from a measured slice"
        )
        return step

    def _resampled(self, step_mm: float) -> tuple[NDArray[np.float64], tuple[int, int, int]]:
        """Return affine and size of the upright grid that holds every slice."""
        affine = plane_grid(self.slices[0], step_mm)
        places = (self.positions - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
        low = np.floor(places[:, :2].min(axis=0) + 1e-6)
        high = np.ceil(places[:, :2].max(axis=0) - 1e-6)
        affine[:3, 3] += affine[:3, :2] @ low
        ni, nj = (int(n + h - lo) for n, h, lo in zip(self._plane(), high, low, strict=True))
        nk = int(np.floor(places[-1, 2] + 0.5 if self.missing else places[-1, 2] + 1e-6)) + 1
        return affine, (ni, nj, nk)

    def _report(self, affine: NDArray[np.float64]) -> GeometryReport:
        i, j, k = np.linalg.norm(affine[:3, :3], axis=0)
        return GeometryReport(
            spacing_mm=(float(i), float(j), float(k)),
            orientation=orientation_of(affine),
            tilt_deg=round(self._tilt_deg(), 3),
            gap_min_mm=float(self.gaps.min()),
            gap_max_mm=float(self.gaps.max()),
            missing_slices=self.missing,
            grade=self.grade,
            findings=tuple(self.findings),
        )
