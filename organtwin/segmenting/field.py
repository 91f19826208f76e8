"""The field a seeded method works on: the surroundings of the seeds, in voxels of about 3 mm.

Organs' surfaces are told from their surroundings on a grid of 3 mm as TotalSegmentator's fast
model does (Wasserth et al. 2023); what is found there is brought to the image's own voxels at the
half-maximum surface, as in `boundary`.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import ndimage

from organtwin.core.errors import BadArgument
from organtwin.segmenting.boundary import signed_mm
from organtwin.segmenting.coarse import (
    Factors,
    block_mean,
    coarse_spacing,
    factors_for,
    refined,
)
from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.marks import Marks, Voxels
from organtwin.segmenting.morphology import Box, around, blurred, local_mean
from organtwin.segmenting.seeds import BACKGROUND
from organtwin.segmenting.walls import SCALE, Relief, relief_of

GRID_MM = 3.0
LONG = 20
FEWEST = 500_000
MOST_VOXELS = 2_000_000
BLUR = 0.6
REACH = 2.0 * SCALE
SURE = 4.0
EVEN = 0.7
DEEPEST = 300.0
DEEP_ENOUGH = 20
BEYOND = 0.6
BEYOND_OTHER_AXIS = 0.5
LEAST_MARGIN_MM = 40.0
POINT_MARGIN_MM = 120.0


@dataclass(frozen=True)
class Field:
    """A part of the image on a coarser grid, with the seeds there.

    Args:
        whole: (ni, nj, nk) float32, the image in patient axes.
        box: the part.
        factors: voxels of the image in one of the field.
        image: float32, block means of the part, blurred by 0.6 of a voxel.
        sharp: float32, the part at the image's own voxels, blurred by 1 mm.
        relief: of `image`.
        marks: voxels of the field, by name; background gives way to structures.
        seeds: voxels of the image, by name.
    """

    whole: Floats
    whole_mm: Spacing
    box: Box
    factors: Factors
    image: Floats
    sharp: Floats
    relief: Relief
    marks: Marks
    seeds: Marks

    @property
    def spacing_mm(self) -> Spacing:
        """Voxel size of the field."""
        return coarse_spacing(self.whole_mm, self.factors)

    def holds(self, voxels: Voxels) -> bool:
        """Whether voxels (n, 3) of the image all lie in the box."""
        return bool(((voxels >= self._start) & (voxels < self._stop)).all())

    def marked(self, marks: Marks) -> Field:
        """Return the field with these voxels of the image, which it holds, as its marks."""
        found = {n: np.unique((v - self._start) // self.factors, axis=0) for n, v in marks.items()}
        taken = np.zeros(self.image.shape, bool)
        for name in (n for n in found if n != BACKGROUND):
            taken[tuple(found[name].T)] = True
        if BACKGROUND in found:
            around_them = found[BACKGROUND]
            found[BACKGROUND] = around_them[~taken[tuple(around_them.T)]]
            if not found[BACKGROUND].size:
                raise BadArgument(
                    "every seed around the structures lies within 3 mm of one in them",
                    where="seeds",
                    advice="draw the background farther away",
                )
        return replace(self, marks=found, seeds=marks)

    @cached_property
    def walls(self) -> Floats:
        """Walls between organs (ni, nj, nk), 0 inside of what has seeds; see `walls`."""
        return self.relief.walls(self._seeded)

    @cached_property
    def sheets(self) -> Flags:
        """Thin dark sheets between organs (ni, nj, nk); see `walls`."""
        return self.relief.sheets(self._seeded)

    @cached_property
    def _seeded(self) -> Flags:
        seeds = np.zeros(self.image.shape, bool)
        for voxels in (v for name, v in self.marks.items() if name != BACKGROUND):
            seeds[tuple(voxels.T)] = True
        near: Flags = ndimage.binary_dilation(seeds)
        return near

    @property
    def _start(self) -> list[int]:
        return [cut.start for cut in self.box]

    @property
    def _stop(self) -> list[int]:
        return [cut.stop for cut in self.box]

    def block(self, mask: Flags) -> Flags:
        """A mask of the whole image on the field: blocks at least half full."""
        return block_mean(mask[self.box], self.factors) >= 0.5

    def outlined(self, mask: Flags) -> Flags:
        """A mask of the field on the whole image's grid, its border at half-maximum and even.

        The brightness on both sides is taken from the field. Within 1.6 voxels of its border, as
        far as a wall's kernel reaches (twice its 0.8), each voxel of the image itself says how
        likely it is to be inside, by its value between the two sides and by how far it lies from
        the border (as sure there as a value can make it); what neighbours say together decides, so
        that noise does not. A thin dark sheet beyond the border parts what has like values: what
        lies in it is as good as far. Holes are filled, but for those with seeds; no seed is
        overruled.
        """
        found = np.zeros(self.whole.shape, bool)
        if not mask.any():
            return found
        part = found[self.box]
        tight = around(mask, 4.0 * max(self.spacing_mm), self.spacing_mm)
        fine = self._fine(tight, part.shape)
        shape = part[fine].shape
        inside = self._without_holes(mask, tight)
        distance = signed_mm(inside, self.spacing_mm)
        middle, slope = self._evidence(tight, inside, distance)
        reach = REACH * max(self.spacing_mm)
        parted = self.sheets[tight] & (distance > 0.0) & (distance < reach)
        distance[parted] = reach
        with ThreadPoolExecutor(2) as pool:
            far, level, gain = pool.map(
                lambda one: refined(one, self.factors, shape), (distance, middle, slope)
            )
        said = np.clip((self.sharp[fine] - level) * gain, -SURE, SURE)
        odds = np.where(np.abs(far) < reach, said, np.float32(0)) - far * np.float32(SURE / reach)
        share = np.tanh(0.5 * np.clip(odds, -SURE, SURE))
        part[fine] = ndimage.gaussian_filter(share, EVEN) > 0.0
        return self._seeds_kept(found, mask)

    def _without_holes(self, mask: Flags, tight: Box) -> Flags:
        """A box of the mask with its holes filled, but for holes where there are seeds."""
        inside, others = mask[tight], np.zeros_like(mask)
        for voxels in self.marks.values():
            others[tuple(voxels.T)] = True
        holes = ndimage.binary_fill_holes(inside) & ~inside
        kept: Flags = ndimage.binary_propagation(others[tight] & holes, mask=holes)
        filled: Flags = inside | (holes & ~kept)
        return filled

    def _seeds_kept(self, found: Flags, mask: Flags) -> Flags:
        """What was found (of the whole image), with each seed as the mask of the field has it."""
        for name, voxels in self.seeds.items():
            inside = mask[tuple(((voxels - self._start) // self.factors).T)]
            found[tuple(voxels.T)] = inside & (name != BACKGROUND)
        return found

    def _evidence(self, tight: Box, inside: Flags, distance: Floats) -> tuple[Floats, Floats]:
        """Level half way between both sides, and by how much a unit above it shifts the log odds.

        Of two normal densities of the same sd: their difference over its square.
        """
        image, mm = self.image[tight], self.spacing_mm
        deep, beyond = distance < -max(mm), distance > max(mm)
        deep = deep if deep.sum() > DEEP_ENOUGH else inside
        within = local_mean(image, deep, 4.0 * max(mm), mm)
        if not beyond.any():
            return within, np.zeros_like(within)
        contrast = within - local_mean(image, beyond, max(mm), mm)
        contrast = np.clip(contrast, -DEEPEST, DEEPEST)
        seen = self._sampled(tight)[deep]
        noise = 1.4826 * float(np.median(np.abs(seen - np.median(seen))))
        slope = contrast / np.float32(max(noise, 1e-6) ** 2)
        return within - 0.5 * contrast, slope.astype(np.float32)

    def _sampled(self, tight: Box) -> Floats:
        """The sharp image at one voxel in each of the field's."""
        places = (
            np.minimum(np.arange(cut.start, cut.stop) * f + f // 2, n - 1)
            for cut, f, n in zip(tight, self.factors, self.sharp.shape, strict=True)
        )
        found: Floats = self.sharp[np.ix_(*places)]
        return found

    def _fine(self, tight: Box, shape: tuple[int, ...]) -> Box:
        i, j, k = (
            slice(cut.start * f, min(cut.stop * f, n))
            for cut, f, n in zip(tight, self.factors, shape, strict=True)
        )
        return i, j, k


def field_of(image: Floats, spacing_mm: Spacing, marks: Marks, *, most: int = MOST_VOXELS) -> Field:
    """Return the field of an image around its seeds.

    A line says how large a structure is: the box goes 0.6 of the lines' extent beyond them, at
    least 40 mm; where there are only points it goes 120 mm, more than half of any abdominal organ.
    """
    box = _box(marks, spacing_mm, image.shape)
    size = float(np.prod([(c.stop - c.start) * s for c, s in zip(box, spacing_mm, strict=True)]))
    finest = max(min(GRID_MM, _smallest_mm(marks, spacing_mm) / LONG), np.cbrt(size / FEWEST))
    target = max(min(GRID_MM, float(finest)), float(np.cbrt(size / most)))
    factors = factors_for(spacing_mm, target)
    coarse_mm = coarse_spacing(spacing_mm, factors)
    coarse = blurred(block_mean(image[box], factors), BLUR * max(coarse_mm), coarse_mm)
    sharp = blurred(image[box], 1.0, spacing_mm)
    relief = relief_of(coarse)
    return Field(image, spacing_mm, box, factors, coarse, sharp, relief, {}, {}).marked(marks)


def _smallest_mm(marks: Marks, spacing_mm: Spacing) -> float:
    """Extent of the structure that has the shortest lines, mm; a point says nothing of it."""
    extents = (
        float(np.linalg.norm(np.ptp(voxels, axis=0) * np.array(spacing_mm)))
        for name, voxels in marks.items()
        if name != BACKGROUND
    )
    return min((extent for extent in extents if extent > LONG * min(spacing_mm) / 4.0), default=1e4)


def _box(marks: Mapping[str, np.ndarray], spacing_mm: Spacing, shape: tuple[int, ...]) -> Box:
    every = np.concatenate(list(marks.values()))
    low, high = every.min(axis=0), every.max(axis=0)
    extent = (high - low) * np.array(spacing_mm)
    margin = np.maximum(BEYOND * extent, BEYOND_OTHER_AXIS * extent.max())
    few = min(len(v) for name, v in marks.items() if name != BACKGROUND or len(marks) == 1) < 10
    margin = np.maximum(margin, POINT_MARGIN_MM if few else LEAST_MARGIN_MM)
    i, j, k = (
        slice(max(0, int(a - m / s)), min(n, int(b + m / s) + 1))
        for a, b, m, s, n in zip(low, high, margin, spacing_mm, shape, strict=True)
    )
    return i, j, k
