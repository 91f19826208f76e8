"""Whether the organ found in a CT lies, looks and is shaped like a liver; what is not is refused.

Every limit is anatomy's, with room for what varies; none was chosen by the images it is tested on:

- Volume: at least 100 mL; newborns have a median of 139 mL, lower quartile 111.5 mL (Yang et al.
  2021, 10.3389/fped.2021.629645). There is no upper limit: livers can grow to many times their size
  (`remarks` tells what is more than usual).
- Mean: within the range that the method takes for soft tissue (`organ.SOFT_HU`).
- Above it lies lung, or the image ends there: the diaphragm parts them. A tenth of what is seen
  from above is enough, as effusion and collapsed lung may hide the rest. Lung is darker than half
  way between it and tissue, and brighter than -950 HU, below which there is emphysema or gas
  (Gevenois et al. 1996). More of it lies above than below, or the image is upside down.
- Where the image ends above it, it must not end below it too: a slab shows no organ's shape.
- The spine goes past it, and it lies in front of the spine's middle, most of it on the right: the
  right liver is about two thirds of a liver, and some of the left liver lies right of the spine.
- It is the largest solid organ there. Where a larger even one lies on the left and nothing of this
  one reaches past the spine, this one is rather the spleen of a mirrored image (or of situs
  inversus); a patient with a large spleen and a resected left liver is refused too.
- Its surface is at most twice that of a ball of its volume (sphericity 0.5): layers of muscle and
  bowel have more. Nine tenths of it are one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from organtwin.core.errors import EmptyLabel
from organtwin.core.volume import to_lps
from organtwin.segmenting.closeup import Grid
from organtwin.segmenting.coarse import Factors
from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.morphology import blurred, dilated, eroded, largest
from organtwin.segmenting.organ import BONE_HU, SOFT_HU, Scene, liver_core, spine_ij

LEAST_ML = 100.0
LUNG_HU = (-950.0, -400.0)
LUNG_DEPTH_MM = 5.0
DIAPHRAGM_MM = 20.0
"""Lung begins within this above the liver: the diaphragm, partial volume and some fat."""
LEAST_ABOVE = 0.1
LEAST_RIGHT = 0.6
BESIDE_MIDLINE_MM = 40.0
LEAST_LEVELS = 0.5
ACROSS = 0.01
LEAST_SPHERICITY = 0.5
LEAST_PIECE = 0.9
FACES_PER_AREA = 1.5
"""Faces of voxels have 1.5 times the area of the surface they follow, over all directions."""
ADVICE = (
    "see that the image shows the upper abdomen the right way round, then use a seeded method: "
    "point at the liver and at what lies around it"
)


def refuse_unlikely(scene: Scene, coarse: Floats, found: Flags, place: Callable[[], str]) -> None:
    """Raise EmptyLabel where what was found is hardly a liver (reasons: this module).

    Args:
        coarse: (ni, nj, nk) float32 HU, axes L, P, S, as of `scene`.
        found: (ni, nj, nk) bool, taken for the liver.
        place: says where that is.
    """
    reason = next(_against(_Candidate(scene, coarse, found)), None)
    if reason is not None:
        ml = float(found.sum() * np.prod(scene.spacing_mm)) / 1000.0
        raise EmptyLabel(
            f"no liver found: what looked most like one ({ml:.0f} mL) {reason}",
            where=f"liver {place()}".rstrip(),
            advice=ADVICE,
        )


def place_in(grid: Grid, found: Flags, factors: Factors) -> str:
    """Say the middle, LPS mm, of a mask on blocks of a grid."""
    inside = np.argwhere(found)
    if not inside.size:
        return ""
    blocks = np.array(factors) * np.array(grid.factors)
    turned = (inside.mean(axis=0) + 0.5) * blocks - 0.5
    index = grid.frame.came_from(turned, grid.volume.voxels.shape)
    x, y, z = to_lps(grid.volume.affine, index)
    return f"around ({x:.0f}, {y:.0f}, {z:.0f}) mm"


@dataclass(frozen=True)
class _Candidate:
    """What was found, in its scene; arrays (ni, nj, nk), axes L, P, S."""

    scene: Scene
    coarse: Floats
    found: Flags

    @property
    def spacing_mm(self) -> Spacing:
        return self.scene.spacing_mm


def _against(one: _Candidate) -> Iterator[str]:
    """What speaks against a liver, each as the end of a sentence."""
    ml = float(one.found.sum() * np.prod(one.spacing_mm)) / 1000.0
    if ml < LEAST_ML:
        yield f"is smaller than a newborn's liver (at least {LEAST_ML:.0f} mL)"
        return
    mean = float(one.coarse[one.found].mean())
    if not SOFT_HU[0] <= mean <= SOFT_HU[1]:
        yield f"has a mean of {mean:.0f} HU, not {SOFT_HU[0]:.0f} to {SOFT_HU[1]:.0f}"
    piece = float(largest(one.found).sum() / one.found.sum())
    if piece < LEAST_PIECE:
        yield f"is in pieces, the largest {piece:.0%} of it"
    yield from _by_the_spine(one)
    yield from _below_the_lung(one)
    round_ = sphericity(one.found, one.spacing_mm)
    if round_ < LEAST_SPHERICITY:
        yield f"is a layer or a band, no compact organ (sphericity {round_:.2f})"
    yield from _smaller_than_left(one)


def _by_the_spine(one: _Candidate) -> Iterator[str]:
    i, j, k = np.nonzero(one.found)
    right = one.scene.right.any(axis=(1, 2))
    away = np.abs(np.arange(right.size) - float(np.argmin(right))) * one.spacing_mm[0]
    bone = one.scene.body & (one.coarse > BONE_HU)
    levels = bone[away < BESIDE_MIDLINE_MM].any(axis=(0, 1))[k.min() : k.max() + 1]
    if float(levels.mean()) < LEAST_LEVELS:
        yield f"has bone of a spine at only {levels.mean():.0%} of its levels"
    spine_i, spine_j = spine_ij(one.scene)
    share = float((i < spine_i).mean())
    if share < LEAST_RIGHT:
        yield f"has only {share:.0%} of it right of the spine"
    if float(j.mean()) >= spine_j:
        yield "lies behind the spine's middle: the image may be turned over"


def _below_the_lung(one: _Candidate) -> Iterator[str]:
    found, lung, step_mm = one.found, lung_of(one.scene, one.coarse), one.spacing_mm[2]
    above = _share_under(found, lung, step_mm)
    below = _share_under(found[:, :, ::-1], lung[:, :, ::-1], step_mm)
    columns = int(found.any(axis=2).sum())
    top, bottom = (float(found[:, :, k].sum()) / columns for k in (-1, 0))
    if max(above, top) < LEAST_ABOVE:
        end = "the image may be upside down" if below + bottom > LEAST_ABOVE else "here is no liver"
        yield f"has lung above {above:.0%} of it and below {below:.0%}: {end}"
    elif below > above + top:
        yield f"has lung below {below:.0%} of it and above {above:.0%}: the image is upside down"
    elif above < LEAST_ABOVE <= bottom:
        yield "is cut off by the image above and below: its shape says nothing"


def _share_under(found: Flags, lung: Flags, step_mm: float) -> float:
    """Share of the columns of a mask that have lung within 20 mm above it."""
    columns, last = found.any(axis=2), found.shape[2] - 1
    top = last - np.argmax(found[:, :, ::-1], axis=2)
    end = np.minimum(top + round(DIAPHRAGM_MM / step_mm), last)
    so_far = np.cumsum(lung, axis=2)
    low, high = (np.take_along_axis(so_far, k[:, :, None], axis=2)[:, :, 0] for k in (top, end))
    return float((high > low)[columns].mean())


def _smaller_than_left(one: _Candidate) -> Iterator[str]:
    """Speak up where a larger even organ lies on the left and this one keeps to the right."""
    i = np.nonzero(one.found)[0]
    if float((i > spine_ij(one.scene)[0]).mean()) >= ACROSS:
        return
    cores = []
    for side in (one.scene.right, ~one.scene.right):
        try:
            core = liver_core(replace(one.scene, right=side), one.coarse) & side
        except EmptyLabel:
            core = np.zeros_like(one.found)
        cores.append(float(core.sum() * np.prod(one.spacing_mm)) / 1000.0)
    if cores[1] > cores[0]:
        yield (
            "keeps right of the spine, and a larger even organ lies on the left (their insides: "
            f"{cores[0]:.0f} and {cores[1]:.0f} mL): the image may be mirrored"
        )


def lung_of(scene: Scene, coarse: Floats) -> Flags:
    """Lung in the body, (ni, nj, nk) bool: what is dark, not gas, and more than 1 cm thick."""
    filled = np.stack([ndimage.binary_fill_holes(s) for s in scene.body.transpose(2, 0, 1)], axis=2)
    even = blurred(coarse, 2.0, scene.spacing_mm)
    dark = filled & (even > LUNG_HU[0]) & (even < LUNG_HU[1])
    deep = eroded(dark, LUNG_DEPTH_MM, scene.spacing_mm)
    found: Flags = dark & dilated(deep, LUNG_DEPTH_MM, scene.spacing_mm)
    return found


def sphericity(mask: Flags, spacing_mm: Spacing) -> float:
    """Surface of the ball of equal volume over the mask's own (Wadell 1935): 1 for a ball."""
    voxel = float(np.prod(spacing_mm))
    padded = np.pad(mask, 1).astype(np.int8)
    area = sum(
        int(np.count_nonzero(np.diff(padded, axis=axis))) * voxel / spacing_mm[axis]
        for axis in range(3)
    )
    volume = float(mask.sum()) * voxel
    return float(np.pi ** (1 / 3) * (6.0 * volume) ** (2 / 3) / (area / FACES_PER_AREA))
