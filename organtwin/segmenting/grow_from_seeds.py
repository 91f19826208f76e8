"""Several structures at once from a few points each: they grow until they meet.

Every voxel goes to the structure that reaches it at least cost, where a step costs its length
times how unlike the seeds' own surroundings the image is there (least-cost paths: Dijkstra). What
costs more than about 4 mm of wholly unlike tissue is nobody's. Works in any modality.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage
from skimage.graph import MCP_Geometric

from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.segmenting import BACKGROUND, Method, Request
from organtwin.segmenting.boundary import half_way, signed_mm, smoothed
from organtwin.segmenting.coarse import (
    Factors,
    block_mean,
    coarse_spacing,
    factors_for,
    refined,
)
from organtwin.segmenting.frame import Flags, Floats, Index, Spacing
from organtwin.segmenting.marks import Marks, answered, asked, both_sides
from organtwin.segmenting.morphology import around, blurred

MOST_VOXELS = 400_000
ALIKE = 1.5
OWN_TOLL = 0.05
STEEP = 3.0
MOST_UNLIKE = 6.0
GIVE_UP = 150.0


def segment(request: Request, watch: Watch) -> LabelMap:
    """Label every structure that has points or scribbles; labels so far of other names stay.

    A name that is none of the organ's structures and not "tumour-n" becomes one of kind "other".

    Raises:
        BadArgument: fewer than two names, or a point outside the image.
        EmptyLabel: a structure came out empty.
        MisplacedLabel: a vessel or tumour lies outside the organ.
    """
    here = asked(request)
    marks = here.marks()
    both_sides(marks)
    owner = _grown(here.image, _indices(marks), here.frame.spacing_mm, watch)
    masks = {n: owner == number for number, n in enumerate(marks) if n != BACKGROUND}
    watch.tell(1.0, f"{len(masks)} structures grown")
    return answered(here, masks)


def _indices(marks: Marks) -> dict[str, list[Index]]:
    return {name: [(int(i), int(j), int(k)) for i, j, k in found] for name, found in marks.items()}


def _grown(
    image: Floats, places: dict[str, list[Index]], spacing_mm: Spacing, watch: Watch
) -> np.ndarray:
    """Number of the name each voxel goes to, (ni, nj, nk) int16, in the order of `places`."""
    target = float(np.cbrt(image.size * np.prod(spacing_mm) / MOST_VOXELS))
    factors = factors_for(spacing_mm, target)
    spacing = coarse_spacing(spacing_mm, factors)
    coarse = blurred(block_mean(image, factors), 0.5 * max(spacing), spacing)
    blocks = {
        name: [(i // factors[0], j // factors[1], k // factors[2]) for i, j, k in voxels]
        for name, voxels in places.items()
    }
    costs = []
    for number, (name, seen) in enumerate(_seen(coarse, blocks).items()):
        watch.tell(0.8 * number / len(places), f"growing {name}")
        costs.append(_reached(coarse, seen, spacing))
    nobody = list(places).index(BACKGROUND)
    best = np.where(np.min(costs, axis=0) < GIVE_UP, np.argmin(costs, axis=0), nobody)
    watch.tell(0.8, "drawing borders")
    owner = np.full(image.shape, list(places).index(BACKGROUND), np.int16)
    outlines = {
        number: _outlined(image, best == number, factors, coarse_mm=spacing, spacing_mm=spacing_mm)
        for number, name in enumerate(places)
        if name != BACKGROUND
    }
    for number in sorted(outlines, key=lambda n: -int(outlines[n].sum())):
        owner[outlines[number]] = number
    for number, voxels in enumerate(places.values()):
        owner[tuple(np.array(voxels).T)] = number
    return owner


def _reached(image: Floats, seen: list[_Seen], spacing_mm: Spacing) -> Floats:
    """Least cost of reaching each voxel from the nearest seed: little in alike tissue."""
    unlike = np.full(image.shape, np.inf, np.float32)
    for seed in seen:
        np.minimum(unlike, np.abs(image - seed.level) / np.float32(seed.spread), out=unlike)
    common = np.float32(min(seed.spread for seed in seen))
    unlike += np.maximum(_steepness(image) / common - np.float32(STEEP), 0.0)
    toll = np.float32(OWN_TOLL) + np.clip(unlike - ALIKE, 0.0, MOST_UNLIKE).astype(np.float32) ** 2
    paths = MCP_Geometric(toll, sampling=spacing_mm)
    cost: Floats = paths.find_costs([seed.voxel for seed in seen])[0].astype(np.float32)
    return cost


def _steepness(image: Floats) -> Floats:
    """Change of the image over one voxel; high along every border, whatever lies beside it."""
    change: Floats = np.sqrt(sum(np.square(g) for g in np.gradient(image))).astype(np.float32)
    return change


@dataclass(frozen=True)
class _Seen:
    """A seed's voxel, the image around it and the sd there."""

    voxel: Index
    level: float
    spread: float


def _seen(image: Floats, voxels: dict[str, list[Index]]) -> dict[str, list[_Seen]]:
    """Look around each seed; all get the median of their sds, so that none has an edge."""
    found: dict[str, list[_Seen]] = {}
    for name, places in voxels.items():
        found[name] = []
        for place in places:
            near = image[tuple(slice(max(0, n - 1), n + 2) for n in place)]
            level = float(np.median(near))
            found[name].append(_Seen(place, level, 1.4826 * float(np.median(np.abs(near - level)))))
    spreads = [seed.spread for seeds in found.values() for seed in seeds]
    common = max(float(np.median(spreads)), 1e-3 * float(np.ptp(image)), 1e-6)
    return {name: [replace(s, spread=common) for s in seeds] for name, seeds in found.items()}


def _outlined(
    image: Floats,
    mask: Flags,
    factors: Factors,
    *,
    coarse_mm: Spacing,
    spacing_mm: Spacing,
) -> Flags:
    """A coarse mask on the image's own grid, its border at half-maximum and even."""
    whole = np.zeros(image.shape, bool)
    if not mask.any():
        return whole
    fine = refined(signed_mm(mask, coarse_mm), factors, image.shape) < 0.0
    if not fine.any():
        return whole
    box = around(fine, 10.0, spacing_mm)
    even = blurred(image[box], 1.0, spacing_mm)
    inside = fine[box]
    noise = 1.4826 * float(np.median(np.abs(even[inside] - np.median(even[inside]))))
    reach = max(2.0, 0.6 * max(coarse_mm))
    moved = half_way(even, inside, spacing_mm, reach_mm=reach, noise=0.5 * noise)
    whole[box] = smoothed(ndimage.binary_fill_holes(moved), max(spacing_mm) * 0.7, spacing_mm)
    return whole


METHOD = Method("grow-from-seeds", "Several structures grown from points", "seeded", segment)
