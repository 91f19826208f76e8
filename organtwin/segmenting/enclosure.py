"""What an organ surrounds belongs to it: veins that are brighter, tumours that are darker."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy import ndimage

from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.morphology import closed, opened

SIGHT_MM = 45.0


def enclosed(organ: Flags, tissue: Flags, deviation: Floats, spacing_mm: Spacing) -> Flags:
    """Add the vessels and tumours inside an organ.

    A bright voxel counts when the organ is seen from it in most directions; a dark part counts as
    a whole, so that the gallbladder and the beds of kidney and stomach stay outside.

    Args:
        organ: (ni, nj, nk) voxels as bright as the organ.
        tissue: neither air nor fat.
        deviation: from the organ's brightness, in its standard deviations.
    """
    filled = organ | (closed(organ, 5.0, spacing_mm) & tissue)
    seen = seen_from(filled, SIGHT_MM, spacing_mm)
    filled |= tissue & (deviation > 1.0) & (seen > 0.85)
    dark = opened(tissue & ~filled & (deviation < 1.0), 2.0, spacing_mm)
    parts, count = ndimage.label(dark)
    if count:
        share = np.asarray(ndimage.mean(seen, parts, range(count + 1)))
        share[0] = 0.0
        filled |= (share > 0.9)[parts]
    return filled | (closed(filled, 5.0, spacing_mm) & tissue)


def seen_from(shape: Flags, reach_mm: float, spacing_mm: Spacing) -> Floats:
    """Share of 26 directions in which the shape lies within reach of each voxel, 0..1."""
    total = np.zeros(shape.shape, np.float32)
    for step in product((-1, 0, 1), repeat=3):
        if step != (0, 0, 0):
            length = float(np.linalg.norm(np.multiply(step, spacing_mm)))
            total += _looked(shape, step, int(reach_mm / length))
    return total / np.float32(26.0)


def _looked(shape: Flags, step: tuple[int, ...], count: int) -> Flags:
    """Whether a shape is met within `count` steps from each voxel, by doubling the distance."""
    met, done = shape.copy(), 0
    while done < count:
        far = min(done + 1, count - done)
        ahead = np.zeros_like(met)
        ahead[_kept(step, far, met.shape)] = met[_kept(step, -far, met.shape)]
        met |= ahead
        done += far
    return met


def _kept(step: tuple[int, ...], far: int, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Slices of the voxels that still lie in the array after `far` steps (beyond it: none)."""
    return tuple(
        slice(min(n, max(0, -s * far)), max(0, min(n, n - s * far)))
        for s, n in zip(step, shape, strict=True)
    )
