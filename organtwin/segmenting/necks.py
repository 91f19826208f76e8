"""Necks: what hangs on a structure by something far thinner than itself is not of it.

Organs of like values that touch (spleen and stomach, liver and vena cava) leave one shape with a
neck, or with a wall between them that has a hole. How deep a voxel lies in the shape, less its
walls, is a landscape with a hill for each; a hill parted from the seeds by a saddle less than half
as deep as itself is another organ's (as distance-transform watersheds part touching grains, with
the saddle's depth relative to the peak's: Soille 2004, Morphological image analysis, 9.2). What
lies beyond the image joins nothing.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from organtwin.segmenting.field import Field
from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.marks import Voxels
from organtwin.segmenting.morphology import around, depth_mm, without_specks

SADDLE = 0.5
TIP, TIP_MM = 0.4, 8.0
WALL = 3.0
SPECK = 27


def bulk(mask: Flags, seeds: Voxels, field: Field) -> Flags:
    """Keep of a mask what hangs together with its seeds by no neck.

    Args:
        mask: (ni, nj, nk) bool on the field.
        seeds: (n, 3) voxels of the field.
    """
    spacing_mm = field.spacing_mm
    box = around(mask, max(spacing_mm), spacing_mm)
    marked = np.zeros(mask.shape, bool)
    marked[tuple(seeds.T)] = True
    kept = np.zeros_like(mask)
    kept[box] = _bulk(mask[box], marked[box], field.walls[box] > WALL, spacing_mm)
    return kept


def _bulk(mask: Flags, marked: Flags, walls: Flags, spacing_mm: Spacing) -> Flags:
    thickness = float(np.median(depth_mm(mask, spacing_mm)[marked]))
    open_ = mask & ~(without_specks(mask & walls, SPECK) & ~marked)
    within = depth_mm(np.pad(open_, 1), spacing_mm)[1:-1, 1:-1, 1:-1]
    step = min(spacing_mm)
    for saddle in np.arange(step, SADDLE * float(within[marked].max()), step):
        depth = np.where(mask, within, np.float32(0))
        mask = _less_lobes(mask, depth, marked, spacing_mm, saddle=float(saddle))
    whole = depth_mm(open_, spacing_mm)
    radius = min(TIP_MM, TIP * thickness)
    mask = _less_tails(mask, whole, marked, spacing_mm, radius=radius)
    return _joined(mask, marked)


def _less_lobes(
    mask: Flags, depth: Floats, marked: Flags, spacing_mm: Spacing, *, saddle: float
) -> Flags:
    """Take away hills without seeds of more than twice the saddle, and what is nearer to them."""
    cores, count = ndimage.label(depth > saddle)
    lobe = np.zeros(count + 1, bool)
    lobe[cores[depth > saddle / SADDLE]] = True
    own = np.unique(cores[marked])
    lobe[own] = lobe[0] = False
    if not lobe.any() or not own.any():
        return mask
    kept = np.isin(cores, own[own > 0])
    return mask & (depth_mm(~kept, spacing_mm) <= depth_mm(~lobe[cores], spacing_mm))


def _less_tails(
    mask: Flags, depth: Floats, marked: Flags, spacing_mm: Spacing, *, radius: float
) -> Flags:
    """Take away what lies farther than twice a radius from what a ball of it reaches."""
    if radius <= min(spacing_mm):
        return mask
    kept = _joined(mask & (depth > radius), marked) | marked
    return mask & (depth_mm(~kept, spacing_mm) <= 2.0 * radius)


def _joined(mask: Flags, marked: Flags) -> Flags:
    """Parts of a mask that hold marks."""
    parts, count = ndimage.label(mask)
    held = np.zeros(count + 1, bool)
    held[parts[marked]] = True
    held[0] = False
    found: Flags = held[parts]
    return found
