"""Walls: where the image is steep, or a thin dark sheet (a fat plane) lies between organs.

A sheet thinner than a voxel shows no step, only a dip across it: the largest eigenvalue of the
Hessian (Descoteaux et al. 2006, sheetness; Krcah et al. 2011 cut graphs there). A Gaussian averages
noise along the sheet, so that both are far clearer than the change from voxel to voxel. They are
told in units of what the inside of structures shows, so that they mean the same in any modality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from organtwin.segmenting.frame import Flags, Floats

SCALE = 0.8
USUAL = 3.0


@dataclass(frozen=True)
class Relief:
    """Steepness and dips of an image, each (ni, nj, nk) float32, 0 or more, in its unit a voxel."""

    steep: Floats
    dip: Floats

    def walls(self, inside: Flags) -> Floats:
        """How many times steeper or deeper than the median inside each voxel is, beyond 3.

        Where there is nothing but noise, 99 of 100 voxels have 0 (both are below 3 medians there).

        Args:
            inside: (ni, nj, nk) bool, some of the inside of structures.
        """
        found: Floats = np.maximum(self.times(inside) - np.float32(USUAL), np.float32(0))
        return found

    def times(self, inside: Flags) -> Floats:
        """How many times steeper or deeper than the median inside each voxel is."""
        found: Floats = np.maximum(*self._scaled(inside))
        return found

    def sheets(self, inside: Flags) -> Flags:
        """Where the image dips by more than 3 times the usual, and by more than it is steep."""
        steep, dip = self._scaled(inside)
        found: Flags = (dip > USUAL) & (dip > steep)
        return found

    def _scaled(self, inside: Flags) -> tuple[Floats, Floats]:
        steep, dip = (
            one / np.float32(max(float(np.median(one[inside])), 1e-3 * float(one.max()), 1e-6))
            for one in (self.steep, self.dip)
        )
        return steep, dip


def relief_of(image: Floats) -> Relief:
    """Measure an image (ni, nj, nk) float32 at a scale of 0.8 voxels."""
    slopes = (_derived(image, (axis,)) for axis in range(3))
    steep = np.sqrt(sum(np.square(slope) for slope in slopes))
    return Relief(steep, np.maximum(_largest_curvature(image), np.float32(0)))


def _largest_curvature(image: Floats) -> Floats:
    """Largest eigenvalue of the Hessian, by the closed form for 3 x 3 (Smith 1961, CACM 4:168)."""
    xx, yy, zz = (_derived(image, (axis, axis)) for axis in range(3))
    xy, xz, yz = (_derived(image, pair) for pair in ((0, 1), (0, 2), (1, 2)))
    mean = (xx + yy + zz) / np.float32(3)
    for one in (xx, yy, zz):
        one -= mean
    spread = xx * xx + yy * yy + zz * zz + 2.0 * (xy * xy + xz * xz + yz * yz)
    size = np.sqrt(spread / np.float32(6)) + np.float32(1e-6)
    volume = xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    angle = np.arccos(np.clip(volume / (2.0 * size**3), -1.0, 1.0)) / np.float32(3)
    found: Floats = mean + 2.0 * size * np.cos(angle)
    return found


def _derived(image: Floats, axes: tuple[int, ...]) -> Floats:
    order = [axes.count(axis) for axis in range(3)]
    found: Floats = ndimage.gaussian_filter(image, SCALE, order=order, truncate=4.0)
    return found
