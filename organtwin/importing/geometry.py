"""Where slices lie: one regular grid, with a report of how it was established.

Sorting, gaps and tilt come from ImagePositionPatient and ImageOrientationPatient only (DICOM
PS3.3 C.7.6.2.1.1). What else a header says of the stack is compared with them (see
`establishing`), never believed; docs/geometry.md states the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import WrongGeometry
from organtwin.core.volume import (
    GeometryReport,
    Grade,
    spacing_of,
    to_index,
    to_lps,
)
from organtwin.importing.between import (
    EXACT_MM,
    GOOD_MM,
    GOOD_PART,
    HARDLY_MM,
    WHOLE,
    crowded,
    even_steps_mm,
    filled_in,
    naive_offset_mm,
    whole_steps,
)
from organtwin.importing.corners import askew_mm, off_mm
from organtwin.importing.establishing import established
from organtwin.importing.found import Slice

FEWEST: Final = 3
FINEST: Final = 4
"""A regular grid made of uneven slices has at most this many times as many."""
TILT_LIMIT_DEG: Final = 45.0
LETTERS: Final = (("L", "R"), ("P", "A"), ("S", "I"))


@dataclass(frozen=True)
class Stack:
    """Slices in order along their normal, and the grid they make.

    Args:
        affine: (4, 4) float64, index (i, j, k) of the grid → LPS mm; axes at right angles.
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
    normal = np.cross(one.row, one.column)
    return np.asarray(normal / np.linalg.norm(normal), dtype=np.float64)


def heights_mm(slices: Sequence[Slice]) -> NDArray[np.float64]:
    """Return (n,) mm: positions along the normal of the first slice."""
    return np.array([s.position_mm for s in slices]) @ normal_of(slices[0])


def orientation_of(affine: NDArray[Any]) -> str:
    """Return the patient direction nearest to each index axis, such as "LPS"."""
    axes = affine[:3, :3].T
    nearest = [int(np.argmax(np.abs(axis))) for axis in axes]
    return "".join(LETTERS[n][int(axis[n] < 0)] for n, axis in zip(nearest, axes, strict=True))


def arranged(slices: Sequence[Slice]) -> Stack:
    """Return the grid that slices of one size, orientation and phase make, at right angles.

    Slices that lie within 0.05 mm (and a tenth of their distance) of an even upright stack are its
    planes; a missing slice or a tilted or uneven stack gives a resampled grid, grade "withheld".

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
    if crowded(heights):
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
    """Return the affine of planes `step_mm` apart along the normal, starting at `first`.

    Axes are at right angles: i along the slice's rows, k along its normal.
    """
    affine, normal = np.eye(4), normal_of(first)
    along = np.divide(first.row, np.linalg.norm(first.row))
    affine[:3, 0] = along * first.spacing_mm[0]
    affine[:3, 1] = np.cross(normal, along) * first.spacing_mm[1]
    affine[:3, 2] = normal * step_mm
    affine[:3, 3] = first.position_mm
    return affine


def _at(heights: NDArray[np.float64], n: int) -> str:
    return f"{heights[n]:.2f} mm along the normal"


class _Arrangement:
    """The decisions on one stack, in the order a physicist would make them."""

    def __init__(
        self, ordered: tuple[Slice, ...], heights: NDArray[np.float64], gaps: NDArray[np.float64]
    ) -> None:
        self.slices, self.heights, self.gaps = ordered, heights - heights[0], gaps
        self.positions = np.array([s.position_mm for s in ordered])
        self.findings: list[str] = []
        self.grade: Grade = "good"
        self.missing = 0

    def stack(self) -> Stack:
        self._check_lean()
        affine, size = self._even()
        exact = affine is not None
        if affine is None:
            self._note_shift()
            affine, size = self._upright(self._missing_step() or self._uneven_step())
            self._note_skew(askew_mm(self.slices, affine))
        places = to_index(affine, self.positions)
        if exact:
            residual_mm, interpolated_ml = off_mm(self.slices, affine), 0.0
            if residual_mm > EXACT_MM:
                self.findings.append(
                    f"read as even and upright: voxels lie within {residual_mm:.3f} mm of where "
                    "they were measured"
                )
        else:
            residual_mm, interpolated_ml = filled_in(places, affine, size, self._plane())
            residual_mm += askew_mm(self.slices, affine)
            if self.grade == "good":
                self._withhold(
                    f"slices lie up to {residual_mm:.2f} mm off even planes "
                    f"{spacing_of(affine)[2]:.2f} mm apart; resampled to those"
                )
        report = self._report(affine, residual_mm=residual_mm, interpolated_ml=interpolated_ml)
        report = replace(report, resampled_from=0 if exact else len(self.slices))
        return Stack(self.slices, affine, size, places, report, exact)

    def _plane(self) -> tuple[int, int]:
        return self.slices[0].pixels.columns, self.slices[0].pixels.rows

    def _aside(self) -> NDArray[np.float64]:
        """Return (n, 3) mm: how far each slice is shifted within its plane."""
        up = np.outer(self.heights, normal_of(self.slices[0]))
        return np.asarray(self.positions - self.positions[0] - up)

    def _tilt_deg(self) -> float:
        across = float(np.linalg.norm(self._aside()[-1]))
        return float(np.degrees(np.arctan2(across, self.heights[-1])))

    def _check_lean(self) -> None:
        if self._tilt_deg() > TILT_LIMIT_DEG:
            raise WrongGeometry(
                f"the stack leans {self._tilt_deg():.0f}° from the normal of its slices",
                advice="these images are no stack of slices",
            )

    def _even(self) -> tuple[NDArray[np.float64] | None, tuple[int, int, int]]:
        """Return the even upright grid whose planes the slices are, None where they are not.

        It is moved so that the slices lie off it by equal amounts on both sides. Its step is the
        distance of the ends over their number; where positions were rounded, also the one that
        all of them fit best.
        """
        count = len(self.slices)
        size = (*self._plane(), count)
        for step in even_steps_mm(self.heights):
            affine = plane_grid(self.slices[0], step)
            off = self.positions - to_lps(affine, np.outer(np.arange(count), [0, 0, 1]))
            affine[:3, 3] += (off.min(axis=0) + off.max(axis=0)) / 2
            if off_mm(self.slices, affine) <= min(GOOD_MM, GOOD_PART * step) + HARDLY_MM:
                return affine, size
        return None, size

    def _note_shift(self) -> None:
        shift_mm = float(np.linalg.norm(self._aside(), axis=1).max())
        if shift_mm > EXACT_MM:
            self._withhold(
                f"slices are shifted sideways by up to {shift_mm:.2f} mm "
                f"(tilt {self._tilt_deg():.2f}°); resampled to an upright grid"
            )

    def _note_skew(self, skew_mm: float) -> None:
        if skew_mm > GOOD_MM:
            self._withhold(
                "ImageOrientationPatient or PixelSpacing turn, skew or scale slices against a "
                f"grid at right angles: corners lie up to {skew_mm:.2f} mm off"
            )

    def _withhold(self, finding: str) -> None:
        self.grade = "withheld"
        self.findings.append(finding)

    def _missing_step(self) -> float:
        """Return the spacing when every gap is a whole number of it, else 0; notes the holes."""
        step, counts = whole_steps(self.gaps)
        if not step:
            return 0.0
        self.missing = int(counts.sum()) - len(self.gaps)
        if self.missing > len(self.slices):
            raise WrongGeometry(
                f"{self.missing} slices are missing and only {len(self.slices)} are here",
                advice="export the whole series again",
            )
        if self.missing:
            heights = heights_mm(self.slices)
            holes = "; ".join(_at(heights, int(n)) for n in np.flatnonzero(counts > 1)[:5])
            self._withhold(
                f"{self.missing} missing slice{'s' if self.missing > 1 else ''} (after {holes}); "
                f"filled by linear interpolation over up to {self.gaps.max():.2f} mm"
            )
        return step

    def _uneven_step(self) -> float:
        """Return a step near the smallest gap of which the first and last slice are planes."""
        extent = float(self.heights[-1])
        step = max(float(self.gaps.min()), extent / (FINEST * len(self.slices)))
        step = extent / float(np.ceil(extent / step - WHOLE))
        self._withhold(
            f"gaps change from {self.gaps.min():.2f} to {self.gaps.max():.2f} mm; resampled every "
            f"{step:.2f} mm, at most {self.gaps.max() / 2:.2f} mm from a measured slice"
        )
        return step

    def _upright(self, step_mm: float) -> tuple[NDArray[np.float64], tuple[int, int, int]]:
        """Return affine and size of the upright grid that holds every slice."""
        affine = plane_grid(self.slices[0], step_mm)
        places = to_index(affine, self.positions)
        low = np.floor(places[:, :2].min(axis=0) + 1e-6)
        high = np.ceil(places[:, :2].max(axis=0) - 1e-6)
        affine[:3, 3] += affine[:3, :2] @ low
        ni, nj = (int(n + h - lo) for n, h, lo in zip(self._plane(), high, low, strict=True))
        nk = int(np.floor(places[-1, 2] + WHOLE)) + 1
        return affine, (ni, nj, nk)

    def _report(
        self, affine: NDArray[np.float64], *, residual_mm: float, interpolated_ml: float
    ) -> GeometryReport:
        tilt_deg = self._tilt_deg()
        how, doubts = established(
            self.slices, gaps=self.gaps, tilt_deg=tilt_deg, residual_mm=residual_mm
        )
        self.findings += [doubt.finding for doubt in doubts]
        if any(doubt.withholds for doubt in doubts):
            self.grade = "withheld"
        return GeometryReport(
            spacing_mm=spacing_of(affine),
            orientation=orientation_of(affine),
            tilt_deg=round(tilt_deg, 3),
            gap_min_mm=float(self.gaps.min()),
            gap_max_mm=float(self.gaps.max()),
            missing_slices=self.missing,
            grade=self.grade,
            findings=tuple(self.findings),
            established=how,
            residual_mm=residual_mm,
            interpolated_ml=interpolated_ml,
            naive_offset_mm=naive_offset_mm(self.positions, normal_of(self.slices[0])),
            doubt_mm=max((doubt.off_mm for doubt in doubts), default=0.0),
            doubt_part=max((doubt.part for doubt in doubts), default=0.0),
        )
