"""How the geometry of a stack was established: which attributes say what, and whether they agree.

Positions and orientations are believed (PS3.3 C.7.6.2.1.1); SpacingBetweenSlices, SliceThickness,
SliceLocation (C.7.6.2.1) and GantryDetectorTilt (C.8.2.1) are compared with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.importing.found import Slice

AGREE_MM: Final = 0.05
AGREE_PART: Final = 0.01
"""A stated distance agrees within a hundredth of it, or 0.05 mm where that is more."""
AGREE_DEG: Final = 0.5
"""Gantry angles are read off a display."""
STEEPEST_DEG: Final = 80.0
"""No gantry tilts by more; what a header says beyond is a fault of its own."""
SPARSE: Final = 0.5
"""Slices thinner than this part of their distance leave most of the patient unseen."""


@dataclass(frozen=True)
class Doubt:
    """A disagreement found; `withholds` when volumes must not be shown before a person saw it.

    Args:
        off_mm, part: how far a slice lies off, and by which part of it a volume is wrong, if what
            was not believed is right.
    """

    finding: str
    withholds: bool = False
    off_mm: float = 0.0
    part: float = 0.0


Said = tuple[str, Doubt | None]


def established(
    slices: Sequence[Slice], *, gaps: NDArray[np.float64], tilt_deg: float, residual_mm: float
) -> tuple[tuple[tuple[str, str], ...], tuple[Doubt, ...]]:
    """Return (what, how) for each of five facts, and what disagrees.

    Args:
        slices: in order along the normal.
        gaps: (n - 1,) mm between neighbours along the normal.
        residual_mm: of the grid made of them.
    """
    told = {
        "spacing": _spacing(slices, gaps),
        "tilt": _tilt(slices, tilt_deg, float(gaps.sum())),
        "gaps": _gaps(slices, gaps),
        "orientation": _orientation(slices),
        "position": _position(slices, gaps, residual_mm),
    }
    doubts = (doubt for _, doubt in told.values() if doubt)
    return tuple((what, how) for what, (how, _) in told.items()), tuple(doubts)


def established_by_file(format_name: str) -> tuple[tuple[str, str], ...]:
    """Return (what, how) for a file whose voxels lie where one matrix in it says, NIfTI or NRRD."""
    matrix = {"nifti": "the sform, else the qform", "nrrd": "space directions"}[format_name]
    place = {"nifti": matrix, "nrrd": "space origin"}[format_name]
    return (
        ("spacing", f"lengths of the axes of {matrix}; no scanner's header to compare"),
        ("tilt", f"the axes of {matrix} are at right angles"),
        ("gaps", "one grid; how the slices lay before is not in the file"),
        ("orientation", f"directions of the axes of {matrix}"),
        ("position", place),
        ("date", "the file says none"),
    )


def _alike(a: float, b: float) -> bool:
    return abs(a - b) <= max(AGREE_MM, AGREE_PART * abs(b))


def _spacing(slices: Sequence[Slice], gaps: NDArray[np.float64]) -> Said:
    how = "PixelSpacing in the plane, ImagePositionPatient along the normal"
    stated = sorted({abs(s.between_mm) for s in slices if s.between_mm})
    if not stated:
        return f"{how}; no SpacingBetweenSlices to compare", None
    measured = float(np.median(gaps))
    if all(_alike(mm, measured) for mm in stated):
        return f"{how}; SpacingBetweenSlices agrees ({stated[0]:.3f} mm)", None
    thick = slices[0].thickness_mm
    if all(_alike(mm + thick, measured) for mm in stated):
        return f"{how}; SpacingBetweenSlices agrees when read as the gap beside the slices", None
    return f"{how}; SpacingBetweenSlices disagrees and is not believed", Doubt(
        f"SpacingBetweenSlices says {stated[0]:.3f} mm, the positions say {measured:.3f} mm and "
        f"are believed; volumes would be {100 * (stated[0] / measured - 1):+.0f} % otherwise"
    )


def _tilt(slices: Sequence[Slice], tilt_deg: float, extent_mm: float) -> Said:
    """Compare the tilt; a stack that hides one is sheared, and its slices nearer by its cosine."""
    how = "ImagePositionPatient against the normal of ImageOrientationPatient"
    stated = [s.gantry_deg for s in slices if s.gantry_deg is not None]
    if not stated:
        return f"{how}: {tilt_deg:.2f}°; no GantryDetectorTilt to compare", None
    far = max(stated, key=lambda deg: abs(abs(deg) - tilt_deg))
    if abs(abs(far) - tilt_deg) <= AGREE_DEG:
        return f"{how}: {tilt_deg:.2f}°; GantryDetectorTilt agrees ({far:g}°)", None
    how = f"{how}: {tilt_deg:.2f}°; GantryDetectorTilt disagrees ({far:g}°)"
    said = f"GantryDetectorTilt says {far:g}°, the positions say {tilt_deg:.2f}° and are believed"
    if all(s.reformatted for s in slices):
        return how, Doubt(f"{said}; the images were reformatted")
    hidden = np.radians(min(abs(abs(far) - tilt_deg), STEEPEST_DEG))
    return how, Doubt(
        f"{said}; right where the scanner straightened the images, else every slice is misplaced",
        withholds=True,
        off_mm=extent_mm * float(np.tan(hidden)),
        part=1.0 - float(np.cos(hidden)),
    )


def _gaps(slices: Sequence[Slice], gaps: NDArray[np.float64]) -> Said:
    low, high = float(gaps.min()), float(gaps.max())
    span = f"{low:.3f} mm" if high - low < 5e-4 else f"{low:.3f} to {high:.3f} mm"
    how = f"ImagePositionPatient of {len(slices)} slices: {span}"
    thick, measured = slices[0].thickness_mm, float(np.median(gaps))
    if thick <= 0:
        return f"{how}; no SliceThickness to compare", None
    if _alike(thick, measured):
        return f"{how}; SliceThickness agrees ({thick:g} mm)", None
    if thick > measured:
        return f"{how}; slices of {thick:g} mm (SliceThickness) overlap", None
    unseen = measured - thick
    doubt = Doubt(
        f"only {thick:g} mm of every {measured:.2f} mm were imaged (SliceThickness); what lies "
        "between is not in the images"
    )
    how = f"{how}; {unseen:.2f} mm between slices of {thick:g} mm (SliceThickness) were not imaged"
    return how, doubt if thick < SPARSE * measured else None


def _orientation(slices: Sequence[Slice]) -> Said:
    axes = np.array([[*s.row, *s.column] for s in slices])
    off = float(np.abs(axes - axes[0]).max())
    alike = f"agree within {off:.1g}" if off else "are the same"
    return f"ImageOrientationPatient of every slice; they {alike}", None


def _position(slices: Sequence[Slice], gaps: NDArray[np.float64], residual_mm: float) -> Said:
    how = f"ImagePositionPatient of every slice; the grid lies within {residual_mm:.3f} mm of them"
    stated = np.array([np.nan if s.location_mm is None else s.location_mm for s in slices])
    if np.isnan(stated).any():
        return f"{how}; no SliceLocation to compare", None
    off_mm = _location_off_mm(slices, stated, gaps)
    if off_mm <= AGREE_MM + AGREE_PART * float(gaps.max()):
        return f"{how}; SliceLocation agrees", None
    return f"{how}; SliceLocation disagrees and is not believed", Doubt(
        f"SliceLocation differs from the positions by up to {off_mm:.2f} mm from slice to slice; "
        "the positions are believed"
    )


def _location_off_mm(
    slices: Sequence[Slice], stated: NDArray[np.float64], gaps: NDArray[np.float64]
) -> float:
    """Return how far steps of SliceLocation differ from those along the normal or the table.

    It is a "relative position" (PS3.3 C.7.6.2.1.2) of either sign.
    """
    positions = np.array([s.position_mm for s in slices])
    along = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    steps = np.diff(stated)
    signed = (sign * steps for sign in (1.0, -1.0))
    offs = [np.abs(one - way).max() for one in signed for way in (gaps, along)]
    return float(min(offs))
