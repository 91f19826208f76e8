"""Tumours darker than the organ's tissue: compact dark cores, bordered at half-maximum."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from organtwin.segmenting.boundary import level_holding, smoothed
from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.morphology import (
    around,
    blurred,
    depth_mm,
    dilated,
    eroded,
    largest,
    opened,
    without_specks,
)
from organtwin.segmenting.parenchyma import Parenchyma
from organtwin.segmenting.profile import profile_of

SMALLEST_DIAMETER_MM = 6.0
LEAST_ROUND = 0.55
LEAST_ENCLOSED = 0.75
LEAST_UNFATTY = 0.9
LEAST_VOXELS_ACROSS = 3.0
FATTY_HU = -20.0
BLUR_MM = 1.5
EVEN_MM = 1.5
SEARCH_BLUR_MM = 2.5
CORE_BLUR_MM = 2.0
SHARP_MM = 0.6
BAND_MM = 2.5
LEAST_CONTRAST_HU = 15.0
MOST_TUMOURS = 99
ROUNDS = 3


def tumours_in(tissue: Parenchyma) -> list[Flags]:
    """Find dark tumours, largest first, each (ni, nj, nk) bool.

    A dark part is taken for a tumour when it is at least 6 mm and three voxels across, about as
    deep as wide, neither fatty nor beside fat, and has the organ on three quarters of its surface:
    fissures, bile ducts and the gallbladder's bed fail one of these. So does a tumour that bulges
    out of the capsule; it needs a click.
    """
    residual = tissue.residual(SEARCH_BLUR_MM)
    level = -max(4.0 * tissue.noise(residual), LEAST_CONTRAST_HU / 2.0)
    dark = tissue.organ & (residual < level)
    dark &= depth_mm(tissue.organ, tissue.spacing_mm) > 2.5
    dark = opened(dark, 1.5, tissue.spacing_mm)
    voxel = float(np.prod(tissue.spacing_mm))
    dark = without_specks(dark, 0.25 * ball_mm3(SMALLEST_DIAMETER_MM) / voxel)
    parts, count = ndimage.label(dark)
    cores = (parts == number for number in range(1, count + 1))
    found = _apart([bordered(tissue, core) for core in cores if _is_inside(core, tissue)])
    found = [mask for mask in found if _is_tumour(mask, tissue)]
    for _ in range(ROUNDS):
        contrasts = _shared([contrast_of(tissue, mask) for mask in found])
        found = [bordered(tissue, m, contrast=c) for m, c in zip(found, contrasts, strict=True)]
    kept = [mask for mask in _apart(found) if _is_tumour(mask, tissue)]
    return sorted(kept, key=lambda mask: -int(mask.sum()))[:MOST_TUMOURS]


def bordered(tissue: Parenchyma, core: Flags, *, contrast: float | None = None) -> Flags:
    """Move a tumour's border to half of its contrast to the tissue, (ni, nj, nk) bool.

    The half-maximum rule on an image smoothed for its noise, with the volume of the unsmoothed one.

    Args:
        core: a part of the tumour, or its border about right.
        contrast: HU of a full core against the tissue; None to take the core's own.
    """
    if not core.any():
        return core
    reach = max(4.0, 0.75 * radius_mm(core, tissue.spacing_mm))
    box = around(core, 4.0 * reach, tissue.spacing_mm)
    part = tissue.within(box)
    mask, near = core[box], part.organ & dilated(core[box], reach, part.spacing_mm)
    smooth, sharp = part.residual(BLUR_MM), part.residual(SHARP_MM)
    core_residual = part.residual(CORE_BLUR_MM)
    for _ in range(3):
        full = contrast if contrast is not None else core_contrast(core_residual, mask)
        share = smooth / np.float32(full)
        grown = largest(near & (share > 0.5), mask)
        if not grown.any():
            break
        grown = _same_volume(
            grown, share, sharp / np.float32(full), near=near, spacing_mm=part.spacing_mm
        )
        mask = smoothed(ndimage.binary_fill_holes(grown), EVEN_MM, part.spacing_mm) & near
    whole = np.zeros_like(core)
    whole[box] = largest(mask)
    return whole


def contrast_of(tissue: Parenchyma, mask: Flags) -> float:
    """HU of a full core of this tumour against the tissue, from the way its border fades."""
    part = tissue.within(around(mask, 25.0, tissue.spacing_mm))
    inside = mask[around(mask, 25.0, tissue.spacing_mm)]
    core = core_contrast(part.residual(CORE_BLUR_MM), inside)
    return profile_of(part, inside, core).half_way * 2.0


def _shared(contrasts: list[float]) -> list[float]:
    """Tumours of one patient within 30 % are taken for one tissue: the fullest speaks for it.

    A small tumour may not be dense enough anywhere to show its tissue's full contrast.
    """
    return [max((o for o in contrasts if 1.0 <= o / c <= 1.3), key=abs) for c in contrasts]


def core_contrast(residual: Floats, mask: Flags) -> float:
    """How far a tumour's core differs from the tissue, HU: the strongest value in its inside.

    A growing tumour fades outward over millimetres, so that a mean over its inside says less than
    its core; the residual must be blurred enough for its extreme to mean something.
    """
    values = residual[mask]
    return float(values.min() if values.mean() < 0.0 else values.max())


def _same_volume(
    grown: Flags, smooth: Floats, sharp: Floats, *, near: Flags, spacing_mm: Spacing
) -> Flags:
    """Shape from the smooth image, volume from the sharp one.

    A blur of sd s moves a surface inward by s² times its mean curvature (level sets under the heat
    equation), more so where it is bumpy. So the voxels past half way in the sharp image are
    counted near the border, and the smooth image's level is set to hold as many.
    """
    band = near & dilated(grown, BAND_MM, spacing_mm)
    deep = eroded(grown, BAND_MM, spacing_mm)
    count = int((deep | (band & (sharp > 0.5))).sum())
    if count == 0:
        return grown
    values = np.where(band, smooth, np.float32(-np.inf))
    held: Flags = band & (values >= level_holding(values, count))
    return largest(held, grown)


def _is_inside(core: Flags, tissue: Parenchyma) -> bool:
    """Whether the organ goes on around a dark core, so that it is no fading of the capsule."""
    box = around(core, 6.0, tissue.spacing_mm)
    near = dilated(core[box], 4.0, tissue.spacing_mm)
    return float(tissue.organ[box][near].mean()) >= LEAST_ENCLOSED


def _is_tumour(mask: Flags, tissue: Parenchyma) -> bool:
    radius = radius_mm(mask, tissue.spacing_mm)
    least_mm = max(SMALLEST_DIAMETER_MM, LEAST_VOXELS_ACROSS * max(tissue.spacing_mm))
    if 2.0 * radius < least_mm:
        return False
    box = around(mask, 10.0, tissue.spacing_mm)
    part, inside = tissue.within(box), mask[box]
    even = blurred(part.hu, 1.0, part.spacing_mm)
    rim = ndimage.binary_dilation(inside, iterations=2) & ~inside
    return bool(
        depth_mm(inside, part.spacing_mm).max() >= LEAST_ROUND * radius
        and np.percentile(even[inside], 5) > FATTY_HU
        and np.median((part.hu - part.level)[inside]) < -LEAST_CONTRAST_HU
        and part.organ[rim].mean() >= LEAST_ENCLOSED
        and (even > FATTY_HU)[rim].mean() >= LEAST_UNFATTY
    )


def _apart(masks: list[Flags]) -> list[Flags]:
    """Merge masks that grew into each other."""
    if not masks:
        return []
    parts, count = ndimage.label(np.logical_or.reduce(masks))
    return [parts == number for number in range(1, count + 1)]


def ball_mm3(diameter_mm: float) -> float:
    """Volume of a ball, mm³."""
    return math.pi / 6.0 * diameter_mm**3


def radius_mm(mask: Flags, spacing_mm: Spacing) -> float:
    """Radius of the ball of equal volume, mm."""
    volume = float(mask.sum()) * float(np.prod(spacing_mm))
    return float((0.75 * volume / math.pi) ** (1.0 / 3.0))
