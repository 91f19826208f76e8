"""An invented CT scanner: partial volume, point spread, correlated noise, table, whole HU."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sample_dicom.grid import Field, Floats, Grid

NOISE_HU = 11.0
PSF_FWHM_MM = 1.2
SLICE_FWHM_MM = 1.6
AIR_HU = -1000.0


def scan(
    resting: Field, lying_mm: Floats, grid: Grid, random: np.random.Generator
) -> NDArray[np.int16]:
    """One CT volume, int16 HU (ni, nj, nk).

    resting: HU in the baseline frame. lying_mm: for each voxel of `grid` the point of the baseline
    that lies there, float32 (3, ni, nj, nk), mm.
    """
    sharp = _partial_volume(resting, lying_mm)
    _lay_on_table(sharp, grid)
    to_sigma = 1.0 / np.sqrt(8.0 * np.log(2.0))
    widths = [PSF_FWHM_MM * to_sigma, PSF_FWHM_MM * to_sigma, SLICE_FWHM_MM * to_sigma]
    seen = ndimage.gaussian_filter(
        sharp, [w / s for w, s in zip(widths, grid.spacing_mm, strict=True)]
    )
    noisy = seen + _noise(grid, seen, random)
    whole: NDArray[np.int16] = np.clip(np.rint(noisy), -1024, 3071).astype(np.int16)
    return whole


def _partial_volume(resting: Field, lying_mm: Floats) -> Floats:
    """Mean HU of 2 x 2 x 2 points in each voxel, carried to first order by the map's slope."""
    slopes = [np.stack([np.gradient(lying_mm[d], axis=a) for d in range(3)]) for a in range(3)]
    total = np.zeros(lying_mm.shape[1:], np.float32)
    for signs in product((-0.25, 0.25), repeat=3):
        points = lying_mm + sum(
            np.float32(s) * slope for s, slope in zip(signs, slopes, strict=True)
        )
        total += resting.at(points, outside=AIR_HU)
    return total / 8.0


def _lay_on_table(hu: Floats, grid: Grid) -> None:
    """Draw a thin curved table top with a foam core under the patient, in place."""
    x, y, _ = grid.open_axes()
    top = y - (121.0 - 16.0 * (x / 165.0) ** 2)
    inside = np.clip(0.5 + (172.0 - np.abs(x)), 0.0, 1.0)
    for depth_mm, thickness_mm, value in (
        (0.0, 1.8, -250.0),
        (1.8, 22.0, -955.0),
        (23.8, 1.8, -250.0),
    ):
        cover = np.clip(0.5 + (top - depth_mm) / 1.4, 0.0, 1.0)
        cover = cover * np.clip(0.5 - (top - depth_mm - thickness_mm) / 1.4, 0.0, 1.0) * inside
        hu += cover * np.maximum(value - hu, 0.0) * (hu < -500.0)


def _noise(grid: Grid, hu: Floats, random: np.random.Generator) -> Floats:
    """Noise of a ramp-filtered reconstruction: mid frequencies in the slice, stronger in depth."""
    white = random.standard_normal(grid.shape, dtype=np.float32)
    u = np.fft.fftfreq(grid.shape[0], grid.spacing_mm[0])[:, None]
    v = np.fft.rfftfreq(grid.shape[1], grid.spacing_mm[1])[None, :]
    f = np.hypot(u, v)
    kernel = np.sqrt(f + 0.015) * np.exp(-((f / 0.27) ** 2))
    grainy = np.empty(grid.shape, np.float32)
    for k in range(grid.shape[2]):
        grainy[:, :, k] = np.fft.irfft2(np.fft.rfft2(white[:, :, k]) * kernel, s=grid.shape[:2])
    grainy = ndimage.gaussian_filter1d(grainy, 0.45, axis=2)
    x, y, _ = grid.open_axes()
    depth = 0.55 + 0.5 * np.exp(-((x / 150.0) ** 2 + (y / 110.0) ** 2))
    dose = np.where(hu < -950.0, 0.45, 1.0)
    scaled: Floats = (grainy / grainy.std() * NOISE_HU * depth * dose).astype(np.float32)
    return scaled
