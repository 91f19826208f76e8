"""The liver found coarsely: the largest even organ on the patient's right.

All arrays are on a grid of about 3 mm with axes L, P, S (`frame`). No number is learnt from
examples: the liver's brightness and its spread are read from the image itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from organtwin.core.errors import EmptyLabel
from organtwin.segmenting.chest import chest_wall
from organtwin.segmenting.enclosure import enclosed
from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.morphology import (
    blurred,
    closed,
    dilated,
    eroded,
    largest,
    local_mean,
)

SOFT_HU = (5.0, 250.0)
FAT_HU = -20.0
NECK_MM = 7.0
THIN_MM = 3.5
SMALLEST_CORE_ML = 100.0
BONE_HU = 200.0
ADVICE = "use a seeded method: point at the liver and at what lies around it"


@dataclass(frozen=True)
class Scene:
    """The coarse image and what is known of it before the liver is.

    Args:
        even: (ni, nj, nk) float32 HU, noise smoothed away, edges kept.
        body: the patient without table and clothes.
        right: the half of the body on the patient's right.
        wall: the chest wall and what is outside it (`chest`).
        spacing_mm: along L, P, S.
    """

    even: Floats
    body: Flags
    right: Flags
    wall: Flags
    spacing_mm: Spacing


def scene_of(coarse: Floats, spacing_mm: Spacing) -> Scene:
    """Smooth the coarse image (HU) and find the body; raises EmptyLabel when there is none."""
    body = largest(eroded(coarse > -250.0, 4.0, spacing_mm))
    if not body.any():
        raise EmptyLabel("no body in the image", where="liver", advice="is this a CT in HU?")
    body = dilated(body, 4.0, spacing_mm)
    clipped = sitk.GetImageFromArray(np.clip(coarse, -200.0, 400.0))
    even = sitk.GetArrayFromImage(sitk.CurvatureFlow(clipped, 0.0625, 10))
    middle = np.average(np.arange(body.shape[0]), weights=body.sum(axis=(1, 2)))
    right = np.broadcast_to(np.arange(body.shape[0])[:, None, None] < middle, body.shape)
    bare = Scene(even.astype(np.float32), body, right, np.zeros_like(body), spacing_mm)
    wall = chest_wall(body & (coarse > BONE_HU), body, spine_ij(bare)[0], spacing_mm)
    return replace(bare, wall=wall)


def liver_core(scene: Scene, coarse: Floats) -> Flags:
    """Voxels surely of the liver: the largest even body of one brightness on the right.

    Raises:
        EmptyLabel: no even soft organ of at least 100 mL there.
    """
    mean = blurred(np.clip(coarse, -150.0, 300.0), 5.0, scene.spacing_mm)
    square = blurred(np.clip(coarse, -150.0, 300.0) ** 2, 5.0, scene.spacing_mm)
    spread = np.sqrt(np.maximum(square - mean * mean, 0.0))
    soft = scene.body & scene.right & (mean > SOFT_HU[0]) & (mean < SOFT_HU[1])
    if not soft.any():
        raise EmptyLabel("no soft tissue on the right", where="liver", advice=ADVICE)
    noise = float(np.percentile(spread[soft], 10))
    best = np.zeros_like(soft)
    for peak in _peaks(mean[soft & (spread < 1.5 * noise)]):
        alike = np.abs(scene.even - peak) < max(noise, 4.0)
        core = largest(eroded(alike, 6.0, scene.spacing_mm), scene.right)
        if (core & scene.right).sum() > (best & scene.right).sum():
            best = core
    if best.sum() * np.prod(scene.spacing_mm) / 1000.0 < SMALLEST_CORE_ML:
        raise EmptyLabel("no organ like a liver on the right", where="liver", advice=ADVICE)
    return best


def _peaks(values: Floats) -> list[float]:
    """Brightness (HU) of the hills of a histogram, down to a twentieth of the highest."""
    if values.size == 0:
        return []
    counts, edges = np.histogram(values, bins=np.arange(SOFT_HU[0] - 6.0, SOFT_HU[1] + 8.0, 2.0))
    hills = ndimage.gaussian_filter1d(counts.astype(float), 2.0)
    top = (
        (hills[1:-1] > hills[:-2]) & (hills[1:-1] >= hills[2:]) & (hills[1:-1] > 0.05 * hills.max())
    )
    return [float(edges[i + 1]) + 1.0 for i in np.flatnonzero(top)]


def liver_body(scene: Scene, core: Flags) -> Flags:
    """The whole liver (coarse), vessels and tumours filled, neighbours cut off at narrow necks."""
    spacing = scene.spacing_mm
    tissue = scene.body & (scene.even > FAT_HU) & ~scene.wall
    for reach_mm in (25.0, 18.0, 12.0, 12.0):
        residual = scene.even - local_mean(scene.even, core, reach_mm, spacing)
        spread = _spread(residual, core)
        alike = tissue & (np.abs(residual) < 2.5 * spread)
        alike = closed(alike, 3.5, spacing) & tissue
        core = largest(eroded(alike, NECK_MM, spacing), core)
        core = _regrown(core, alike, NECK_MM + 3.0, spacing)
    core |= _lobes(core, alike, residual, tolerance=spread, scene=scene)
    whole = _regrown(core, alike, THIN_MM + 3.0, spacing)
    return enclosed(whole, tissue, residual / spread, spacing)


def _regrown(core: Flags, mask: Flags, reach_mm: float, spacing_mm: Spacing) -> Flags:
    """What of the mask is joined to the core and within reach of it."""
    grown: Flags = ndimage.binary_propagation(core, mask=mask & dilated(core, reach_mm, spacing_mm))
    return grown


def _lobes(core: Flags, alike: Flags, residual: Floats, *, tolerance: float, scene: Scene) -> Flags:
    """Parts joined by a thin neck that are as bright as the liver: tips and the left lobe.

    A neighbour (spleen, heart, bowel) may be joined too, but its mean differs; the great vessels
    may be as bright before contrast, but lie in front of the spine.
    """
    spacing = scene.spacing_mm
    thick = eroded(alike, THIN_MM, spacing) | core
    joined = ndimage.binary_propagation(core, mask=thick) & ~dilated(core, THIN_MM, spacing)
    parts, count = ndimage.label(joined)
    numbers = range(1, count + 1)
    spine = spine_ij(scene)
    found = np.zeros_like(core)
    for number, middle in zip(numbers, ndimage.center_of_mass(joined, parts, numbers), strict=True):
        left, front = (np.array(spine) - middle[:2]) * spacing[:2]
        by_spine = abs(left) < 35.0 and front < 75.0
        part = parts == number
        if not by_spine and abs(float(residual[part].mean())) < tolerance:
            found |= part
    return found | (thick & dilated(found, THIN_MM, spacing)) if found.any() else found


def spine_ij(scene: Scene) -> tuple[float, float]:
    """Index (i, j) of the middle of the spine: the median bone voxel between the flanks."""
    bone = scene.body & (scene.even > 180.0)
    i, j = np.nonzero(bone.any(axis=2))
    middle = float(np.argmin(scene.right.any(axis=(1, 2))))
    near = np.abs(i - middle) * scene.spacing_mm[0] < 40.0
    if not near.any():
        return middle, float(scene.body.shape[1])
    return float(np.median(i[near])), float(np.median(j[near]))


def _spread(residual: Floats, where: Flags) -> float:
    """Robust standard deviation (1.4826 median absolute deviation), then of what is within 3."""
    values = residual[where]
    spread = 1.4826 * float(np.median(np.abs(values)))
    near = values[np.abs(values) < 3.0 * spread]
    return max(float(np.sqrt(np.mean(near**2))), 2.0)
