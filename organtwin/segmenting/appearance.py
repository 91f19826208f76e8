"""How structures look: what values their seeds show, and how unlike those each voxel is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segmenting.frame import Flags, Floats
from organtwin.segmenting.marks import Marks
from organtwin.segmenting.morphology import Box, around
from organtwin.segmenting.seeds import BACKGROUND

BINS = 256
KERNEL = 1.5
UNSEEN = 0.02
UNSEEN_IS_BACKGROUND = 3.0
FREE = 1.0
MOST = 10.0
SMOOTH = 0.7


@dataclass(frozen=True)
class Appearance:
    """Densities of the values that seeds and their neighbours show.

    Args:
        bins: (ni, nj, nk) uint8, the bin of each voxel.
        densities: name → (BINS,) float64, sum about 1, each with a floor for values not seen: 2 %
            of the highest density of a structure, three times that for the background, since what
            nobody pointed at is more likely to be none of the structures.
        noise: sd of the image within the structures, from neighbouring voxels.
    """

    bins: NDArray[np.uint8]
    densities: Mapping[str, NDArray[np.float64]]
    noise: float

    def favour(self, name: str) -> Floats:
        """Log of how much likelier each voxel's value is in this than in any other."""
        other = np.max([d for n, d in self.densities.items() if n != name], axis=0)
        table = np.log(self.densities[name] / other).astype(np.float32)
        return _even(table[self.bins])

    def unlike(self, name: str) -> Floats:
        """0 for a value that is usual in it, up to 10 for one that its seeds do not show.

        For a structure: the log of its highest density over that of the value, less 1 (within
        1.4 sd of a normal density it is 0). For the background, which looks like many things: how
        much likelier the value is in a structure.
        """
        if name == BACKGROUND:
            return np.clip(-self.favour(name), 0.0, MOST)
        density = self.densities[name]
        table = np.log(density.max() / density) - FREE
        table[table > -np.log(UNSEEN) - FREE - 0.7] = MOST
        return _even(np.clip(table, 0.0, MOST).astype(np.float32)[self.bins])


def appearance_of(image: Floats, marks: Marks) -> Appearance:
    """Look at the seeds of an image (ni, nj, nk); kernel density estimates of 1.5 sd of noise."""
    noise = _noise(image, marks)
    values = {name: _beside(image, voxels) for name, voxels in marks.items()}
    low, high = np.percentile(np.concatenate(list(values.values())), (1.0, 99.0))
    margin = max(0.2 * (high - low), 3.0 * noise)
    scale = (BINS - 1) / (high - low + 2.0 * margin)

    def binned(seen: Floats) -> NDArray[np.uint8]:
        found: NDArray[np.uint8] = np.clip((seen - (low - margin)) * scale, 0, BINS - 1).astype(
            np.uint8
        )
        return found

    densities = {
        name: ndimage.gaussian_filter1d(
            np.bincount(binned(seen), minlength=BINS) / seen.size, max(KERNEL * noise * scale, 1.0)
        )
        for name, seen in values.items()
    }
    unseen = UNSEEN * max(d.max() for name, d in densities.items() if name != BACKGROUND)
    for name, density in densities.items():
        density += unseen * (UNSEEN_IS_BACKGROUND if name == BACKGROUND else 1.0)
    return Appearance(binned(image), densities, noise)


def _beside(image: Floats, voxels: NDArray[np.intp]) -> Floats:
    """Values of voxels (n, 3) and their six neighbours."""
    box: Box = tuple(  # type: ignore[assignment]
        slice(max(0, a - 1), b + 2)
        for a, b in zip(voxels.min(axis=0), voxels.max(axis=0), strict=True)
    )
    near = np.zeros(image[box].shape, bool)
    near[tuple((voxels - [cut.start for cut in box]).T)] = True
    values: Floats = image[box][ndimage.binary_dilation(near)]
    return values


def _noise(image: Floats, marks: Marks) -> float:
    """1.48 times the median change to the next voxel around structures' seeds, over sqrt 2."""
    near = np.zeros(image.shape, bool)
    for name, voxels in marks.items():
        if name != BACKGROUND:
            near[tuple(voxels.T)] = True
    near = ndimage.binary_dilation(near)
    box = around(near, 0.0, (1.0, 1.0, 1.0))
    near, part = near[box], image[box]
    changes = [
        np.abs(np.diff(part, axis=axis))[np.logical_and(*_neighbours(near, axis))]
        for axis in range(3)
    ]
    spread = 1.4826 * float(np.median(np.concatenate(changes))) / 2.0**0.5
    return float(max(spread, 1e-3 * float(np.ptp(image)), 1e-6))


def _neighbours(flags: Flags, axis: int) -> tuple[Flags, Flags]:
    along = np.moveaxis(flags, axis, 0)
    return np.moveaxis(along[:-1], 0, axis), np.moveaxis(along[1:], 0, axis)


def _even(values: Floats) -> Floats:
    even: Floats = ndimage.gaussian_filter(values, SMOOTH)
    return even
