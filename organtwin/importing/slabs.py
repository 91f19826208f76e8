"""How much of the patient a contour stands for: from its plane half-way to its neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.volume import Volume
from organtwin.importing.placing import NEAR, TIE, is_even, typical_gap

THICKEST_MM: Final = 10.0
"""Slices farther apart are none that structures are drawn on."""
FEWEST: Final = 3
REGULAR: Final = 0.75
"""Of the gaps have to be one slice distance before planes count as all slices of a stack."""


@dataclass(frozen=True)
class Slabs:
    """The rule of one file on one Volume.

    Args:
        end_mm: what a contour stands for when it has no neighbour within reach.
        reach_mm: contours farther apart have nothing between them.
        thick: they were drawn on slices farther apart than those of the Volume.
        untold: they were drawn on other images, and how far apart those lie cannot be told.
    """

    end_mm: float
    reach_mm: float
    thick: bool
    untold: bool = False

    def extents_mm(self, planes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n, 2): how far the slabs of planes (n,), ascending mm, go down and up."""
        gaps = np.diff(planes)
        own = typical_gap(planes)
        end = own if own <= self.reach_mm else self.end_mm
        halves = 0.5 * np.concatenate([[end], np.where(gaps <= self.reach_mm, gaps, end), [end]])
        return np.column_stack([halves[:-1], halves[1:]])[: len(planes)]


@dataclass(frozen=True)
class Filled:
    """What the contours of one region came to.

    Args:
        planes: (n,) mm of its contours, ascending; extents_mm: (n, 2) of their slabs.
        areas_mm2: (n,) that they enclose.
        reached: the slices they fill.
    """

    planes: NDArray[np.float64]
    extents_mm: NDArray[np.float64]
    areas_mm2: NDArray[np.float64]
    reached: Set[int]

    @property
    def ml(self) -> float:
        """Its volume."""
        return float(self.areas_mm2 @ self.extents_mm.sum(axis=1)) / 1000

    @property
    def between_ml(self) -> float:
        """Volume between slabs that do not touch, if what was drawn goes on there."""
        below, above = self.extents_mm[1:, 0], self.extents_mm[:-1, 1]
        apart_mm = np.maximum(np.diff(self.planes) - below - above, 0)
        return float(apart_mm @ (self.areas_mm2[:-1] + self.areas_mm2[1:])) / 2000


def said_of(filled: Filled, slabs: Slabs, volume: Volume) -> Iterator[str]:
    """Yield what to know of how thick the contours of a region were taken, and what it changes."""
    if slabs.thick:
        thin_ml = float(filled.areas_mm2.sum()) * volume.spacing_mm[2] / 1000
        yield (
            f"contours lie {slabs.end_mm:.4g} mm apart: each fills as much "
            f"({filled.ml:.2g} mL; one slice of the images each would be {thin_ml:.2g} mL)"
        )
    if slabs.untold:
        yield (
            "drawn on other images whose slice distance its file does not tell: each contour "
            "fills one slice here"
        )
    reached = filled.reached
    if empty := len(range(min(reached), max(reached) + 1)) - len(reached) if reached else 0:
        yield (
            f"{empty} slices between its contours have none and stay empty "
            f"({filled.between_ml:.2g} mL if it goes on there)"
        )


def slabs_of(planes: NDArray[np.float64], volume: Volume, *, cited: str) -> Slabs:
    """Return the rule for contours in `planes`, (n,) ascending mm from slice 0 along the normal.

    A contour stands for one slice of the images, or for less where contours are nearer than that;
    what lies between contours farther apart than the slices stays empty. Only where all contours
    of the file lie on an even grid of thicker slices than these, and the file does not say that
    they were drawn on these, does each stand for one of those (docs/formats.md says why).

    Args:
        planes: of all regions of interest together.
        cited: SeriesInstanceUID of the images that the file cites, "" for none.
    """
    spacing, gap = volume.spacing_mm[2], typical_gap(planes)
    drawn_here = bool(cited) and cited == volume.series_uid
    single = np.diff(planes) < 1.5 * gap
    thick = (
        not drawn_here
        and len(planes) >= FEWEST
        and (1 + NEAR) * spacing < gap <= THICKEST_MM
        and float(np.mean(single)) >= REGULAR
        and is_even(planes, gap)
    )
    end = gap if thick else min(gap, spacing)
    untold = bool(cited) and not drawn_here and not thick and gap > (1 + NEAR) * spacing
    return Slabs(end, (1 + NEAR) * max(end, spacing), thick, untold)


def slices_in(height_mm: float, extent_mm: NDArray[np.float64], volume: Volume) -> slice:
    """Return the slices of a Volume whose centre lies in a slab; they may lie beyond it."""
    ends = (height_mm - extent_mm[0], height_mm + extent_mm[1])
    first, last = (int(np.ceil(end / volume.spacing_mm[2] - TIE)) for end in ends)
    return slice(first, last)
