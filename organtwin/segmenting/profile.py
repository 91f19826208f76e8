"""How a tumour fades into the tissue around it: a curve fitted across its border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from organtwin.segmenting.boundary import signed_mm
from organtwin.segmenting.frame import Flags
from organtwin.segmenting.morphology import dilated
from organtwin.segmenting.parenchyma import Parenchyma

OUTSIDE_MM = 12.0
SHELL_MM = 1.5
VESSEL_SHARE = 0.35
OFFSET_SHARE = 0.12
"""Of the core's contrast: what is so much brighter than tissue is a vessel beside a dark tumour;
the tissue just outside may lie so much off the level measured farther away."""


@dataclass(frozen=True)
class Profile:
    """The fitted curve: tissue + `offset` + `contrast` / (1 + exp((s - shift) / width)).

    A logistic edge: that of a sharp border in an image of limited sharpness, and near that of a
    front that grows (Fisher 1937). s is the distance (mm) from the border the fit began with,
    negative inside; contrast (the image's unit) is what the core would show if the tumour were wide
    enough to show it.
    """

    contrast: float
    offset: float
    shift_mm: float
    width_mm: float

    @property
    def half_way(self) -> float:
        """Brightness against the tissue half way up the border."""
        return self.offset + 0.5 * self.contrast


def profile_of(tissue: Parenchyma, mask: Flags, core: float) -> Profile:
    """Fit the curve to the mean of the image in shells around a border; vessels are left out.

    A sharp edge gives a small width; a small tumour that is full nowhere gives a contrast above
    that of its core.

    Args:
        mask: (ni, nj, nk) bool, the tumour about right.
        core: brightness against the tissue at its core, which bounds the contrast.
    """
    distance = signed_mm(mask, tissue.spacing_mm)
    vessel = dilated(tissue.residual(1.0) > VESSEL_SHARE * abs(core), 2.0, tissue.spacing_mm)
    used = (tissue.organ & (distance < OUTSIDE_MM) & (mask | ~vessel)) | mask
    if core > 0.0:
        used = (tissue.organ & (distance < OUTSIDE_MM)) | mask
    s, y, n = _shells(distance[used], (tissue.hu - tissue.level)[used])
    weight = np.sqrt(np.minimum(n, 2000.0))
    low, high = sorted((0.8 * core, 1.3 * core))

    def misfit(p: NDArray[np.float64]) -> NDArray[np.float64]:
        curve = p[1] + p[0] / (1.0 + np.exp((s - p[2]) / p[3]))
        return np.asarray(weight * (curve - y))

    off = OFFSET_SHARE * abs(core)
    bounds = ((low, -off, -4.0, 0.3), (high, off, 4.0, 6.0))
    fit = least_squares(misfit, (core, 0.0, 0.0, 1.5), bounds=bounds)
    return Profile(*(float(value) for value in fit.x))


def _shells(
    distance: NDArray[np.float32], values: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Middle (mm), mean and count of each shell that holds at least five voxels."""
    which = np.floor(distance / SHELL_MM).astype(int)
    first = int(which.min())
    counts = np.bincount(which - first).astype(np.float64)
    totals = np.bincount(which - first, values.astype(np.float64))
    middles = (np.arange(len(counts), dtype=np.float64) + first + 0.5) * np.float64(SHELL_MM)
    full = counts >= 5
    return middles[full], totals[full] / counts[full], counts[full]
