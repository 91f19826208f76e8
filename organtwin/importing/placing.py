"""Planes of foreign labels on the grid of a Volume, through the patient's frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import WrongGeometry
from organtwin.core.volume import Volume, to_index
from organtwin.importing.found import LabelSource

WRITTEN_MM: Final = 0.06
"""Heights this near are one plane: coordinates are often written with one decimal."""
NEAR: Final = 0.1
"""Of the distance of the images: what is this near to one of their planes lies in it."""
PARALLEL: Final = 1 - 1e-5
WHOLE: Final = 0.03
TIE: Final = 1e-4


@dataclass(frozen=True)
class Frame:
    """One plane of labels.

    Args:
        number: index of the frame in its file.
        axes: (3, 3) float64, columns are mm steps along i, j and through the plane's thickness.
        origin_mm: (3,) LPS mm of the centre of the first pixel.
    """

    number: int
    axes: NDArray[np.float64]
    origin_mm: NDArray[np.float64]

    @property
    def voxel_ml(self) -> float:
        """Volume of one of its voxels in mL."""
        return float(abs(np.linalg.det(self.axes))) / 1000.0


def check_frame_of_reference(source: LabelSource, volume: Volume) -> None:
    """Raise WrongGeometry when labels and images name different frames of reference."""
    if source.frame_uid and volume.frame_uid and source.frame_uid != volume.frame_uid:
        raise WrongGeometry(
            "the labels belong to another frame of reference than the images",
            where=str(source.path),
            advice="choose the series that the labels were drawn on",
        )


def same_mm(volume: Volume) -> float:
    """Return how far apart in mm two heights may be written that are one plane."""
    return min(WRITTEN_MM, NEAR * volume.spacing_mm[2])


def planes_at(
    heights: NDArray[np.float64], same: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the heights (m,) of distinct planes, ascending, and the plane of each (n,).

    Args:
        heights: (n,) in any order and unit.
        same: neighbours this near are one plane, which lies at their mean.
    """
    order = np.argsort(heights, kind="stable")
    number = np.zeros(len(heights), dtype=np.int64)
    number[order[1:]] = np.cumsum(np.diff(heights[order]) > same)
    return np.bincount(number, heights) / np.bincount(number), number


def typical_gap(planes: NDArray[np.float64]) -> float:
    """Return the distance of neighbouring planes (n,), ascending; infinite for a single one."""
    gaps = np.diff(planes)
    return float(np.median(gaps[gaps < 1.5 * gaps.min()])) if len(gaps) else np.inf


def is_even(planes: NDArray[np.float64], step: float) -> bool:
    """Return whether the gaps of planes (n,) are whole multiples of a distance, to 3 % of it."""
    gaps = np.diff(planes)
    return bool((np.abs(gaps - np.round(gaps / step) * step) <= WHOLE * step).all())


def grid_step_mm(
    normal: NDArray[np.float64], places: NDArray[np.float64], volume: Volume
) -> float | None:
    """Return mm between those planes of a Volume that planes of labels lie in, None if they do not.

    Args:
        normal: (3,) unit vector across the planes.
        places: (n, 3) LPS mm, a point of each.
    """
    spacing = np.array(volume.spacing_mm)
    along = np.abs(normal @ (volume.affine[:3, :3] / spacing))
    axis = int(np.argmax(along))
    index = to_index(volume.affine, places)[:, axis]
    if along[axis] < PARALLEL or np.abs(index - np.round(index)).max() > NEAR:
        return None
    return float(spacing[axis])


def paste(mask: NDArray[np.bool_], frame: Frame, volume: Volume, into: NDArray[np.bool_]) -> None:
    """Set the voxels of `into` whose centre lies in a set pixel of `mask`.

    Args:
        mask: (rows, columns) bool.
        into: (ni, nj, nk) bool on the Volume's grid; changed.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return
    low = np.array([columns[0], rows[0], 0]) - 0.5
    high = np.array([columns[-1], rows[-1], 0]) + 0.5
    box = _box(low, high, frame, volume)
    if box is None:
        return
    u, v, w = (np.floor(c + (0.5 + TIE)).astype(int) for c in _coordinates(box, frame, volume))
    inside = (w == 0) & (u >= 0) & (v >= 0) & (u < mask.shape[1]) & (v < mask.shape[0])
    set_here = np.zeros(inside.shape, dtype=bool)
    set_here[inside] = mask[v[inside], u[inside]]
    into[box] |= set_here


def _box(
    low: NDArray[np.float64], high: NDArray[np.float64], frame: Frame, volume: Volume
) -> tuple[slice, slice, slice] | None:
    """Return the part of the Volume's grid that a box of the frame can touch."""
    corners = np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), -1).reshape(-1, 3)
    lps = corners @ frame.axes.T + frame.origin_mm
    index = (lps - volume.affine[:3, 3]) @ np.linalg.inv(volume.affine[:3, :3]).T
    first = np.maximum(np.ceil(index.min(axis=0) - TIE), 0).astype(int)
    last = np.minimum(np.floor(index.max(axis=0) + TIE), np.array(volume.voxels.shape) - 1).astype(
        int
    )
    if (last < first).any():
        return None
    i, j, k = (slice(int(a), int(b) + 1) for a, b in zip(first, last, strict=True))
    return i, j, k


def _coordinates(
    box: tuple[slice, slice, slice], frame: Frame, volume: Volume
) -> list[NDArray[np.float64]]:
    """Return three arrays over the box: where its voxels' centres lie in the frame's pixels."""
    inverse = np.linalg.inv(frame.axes)
    steps = inverse @ volume.affine[:3, :3]
    start = inverse @ (volume.affine[:3, 3] - frame.origin_mm)
    i, j, k = (np.arange(s.start, s.stop, dtype=np.float64) for s in box)
    return [
        start[n]
        + steps[n, 0] * i[:, None, None]
        + steps[n, 1] * j[None, :, None]
        + steps[n, 2] * k[None, None, :]
        for n in range(3)
    ]
