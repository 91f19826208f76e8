"""Frames: how a plane of the screen lies in the patient, along the voxels or turned freely.

Pure numpy. A frame maps LPS mm to mm on the screen (to the right, down, towards growing slices) and
back; its letters follow DICOM PS3.3 C.7.6.1.1.1 (Patient Orientation): the nearest direction first,
further letters for further components.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.directions import LETTERS
from organtwin.ui.views.slicing import AXES, PLANES, Canonical, Plane

LEAST_COMPONENT: Final = 0.17
"""sin 10°: a direction less than that off an axis gets no further letter."""
ACROSS: Final[dict[Plane, int]] = {"axial": 2, "coronal": 1, "sagittal": 0}
"""The patient's axis (L, P, S) that each plane cuts across."""
Box = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Frame:
    """One plane of the screen.

    Args:
        axes: (3, 3) float64, columns: LPS unit vectors to the right, down, towards growing slices;
            the first two need not be perpendicular when the grid is sheared.
        centre_mm: (3,) LPS mm, what lies at the middle of an unshifted view.
        extent_mm: width and height that fit an unzoomed view.
    """

    axes: NDArray[np.float64]
    centre_mm: NDArray[np.float64]
    extent_mm: tuple[float, float]

    @cached_property
    def normal(self) -> NDArray[np.float64]:
        """Return (3,) the unit vector into the screen (right × down)."""
        crossed = np.cross(self.axes[:, 0], self.axes[:, 1])
        result: NDArray[np.float64] = crossed / np.linalg.norm(crossed)
        return result

    @cached_property
    def _back(self) -> NDArray[np.float64]:
        result: NDArray[np.float64] = np.linalg.inv(self.axes).T
        return result

    def flat(self, lps_mm: NDArray[Any]) -> NDArray[np.float64]:
        """Map LPS mm (..., 3) to mm right, down and through (..., 3)."""
        result: NDArray[np.float64] = (np.asarray(lps_mm) - self.centre_mm) @ self._back
        return result

    def place_mm(self, flat: NDArray[Any]) -> NDArray[np.float64]:
        """Map mm right, down and through (..., 3) to LPS mm (..., 3)."""
        result: NDArray[np.float64] = np.asarray(flat) @ self.axes.T + self.centre_mm
        return result

    def turned(self, rotation: NDArray[np.float64], about_mm: NDArray[np.float64]) -> Frame:
        """Return the frame turned by (3, 3) about a place (3,) LPS mm."""
        centre = about_mm + rotation @ (self.centre_mm - about_mm)
        return replace(self, axes=rotation @ self.axes, centre_mm=centre)

    def letters(self) -> tuple[str, str, str, str]:
        """Return the patient directions at the left, right, top and bottom edge of the screen."""
        right, down = self.axes[:, 0], self.axes[:, 1]
        return _letters(-right), _letters(right), _letters(-down), _letters(down)

    def tilt_deg(self, plane: Plane) -> float:
        """Return the angle between the plane and the patient's own axial, coronal, sagittal one."""
        return float(np.degrees(np.arccos(min(1.0, abs(self.normal[ACROSS[plane]])))))


def voxel_frame(grid: Canonical, plane: Plane, box: Box | None = None) -> Frame:
    """Return the frame along the voxels of a grid; `box` (lowest, highest index) fills the view."""
    low, high = box or (np.zeros(3), np.array(grid.array.shape) - 1.0)
    across, down, through = AXES[plane]
    spacing = grid.spacing_mm
    axes = (grid.affine[:3, :3] / spacing)[:, [across, down, through]]
    if down == 2:
        axes = axes * (1.0, -1.0, 1.0)
    wide, tall = ((high - low + 1.0) * spacing)[[across, down]]
    return Frame(axes, grid.position_mm((low + high) / 2.0), (float(wide), float(tall)))


def upright_frames(grid: Canonical, box: Box | None = None) -> dict[Plane, Frame]:
    """Return the three frames along the voxels, made perpendicular (nearest rotation)."""
    frames = {plane: voxel_frame(grid, plane, box) for plane in PLANES}
    left, _, right = np.linalg.svd(grid.affine[:3, :3] / grid.spacing_mm)
    nearest = (left @ right) @ np.linalg.inv(grid.affine[:3, :3] / grid.spacing_mm)
    return {plane: replace(f, axes=nearest @ f.axes) for plane, f in frames.items()}


def rotation(axis: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """Return (3, 3) the rotation about a unit axis (Rodrigues' formula)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = np.radians(degrees)
    result: NDArray[np.float64] = (
        np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross
    )
    return result


def step_mm(grid: Canonical, direction: NDArray[np.float64]) -> float:
    """Return how far along a unit direction one voxel reaches (its own spacing on an axis)."""
    index = np.linalg.solve(grid.affine[:3, :3], direction)
    return float(1.0 / np.linalg.norm(index))


def _letters(direction: NDArray[np.float64]) -> str:
    unit = direction / np.linalg.norm(direction)
    axes = sorted(range(3), key=lambda axis: -abs(unit[axis]))
    named = [axis for axis in axes if abs(unit[axis]) > LEAST_COMPONENT]
    return "".join(LETTERS[axis][int(unit[axis] > 0)] for axis in named)
