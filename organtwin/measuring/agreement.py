"""How two label maps agree, structure by structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import voxel_ml_of
from organtwin.core.watch import Watch
from organtwin.measuring.distances import Distances, distances_of
from organtwin.measuring.surfaces import box_of, shell_of

SAME_PLACE: Final = 0.01
"""Of a voxel: grids nearer than this at every corner are one grid."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """One structure in two label maps, each with all that it has on its own grid.

    Args:
        first_ml, second_ml: by voxels.
        dice: twice what they share over what they have (Dice 1945), 0..1. What they share is
            counted on the first's grid: outside it they share nothing.
        distances: of their surfaces; None where one has no voxels.
        first_beyond_ml, second_beyond_ml: how much of each lies outside the other's grid, where
            the other could have no label; it counts as disagreement.
    """

    structure: str
    first_ml: float
    second_ml: float
    dice: float
    distances: Distances | None
    first_beyond_ml: float = 0.0
    second_beyond_ml: float = 0.0

    @property
    def difference_percent(self) -> float | None:
        """Volume of the second against the first, None where that has none."""
        return 100.0 * (self.second_ml / self.first_ml - 1.0) if self.first_ml else None


def compared(
    first: LabelMap,
    second: LabelMap,
    watch: Watch,
    *,
    pairs: Mapping[str, str] | None = None,
) -> tuple[Agreement, ...]:
    """Return how structures of the second label map agree with those of the first.

    Args:
        pairs: name in the first → name in the second; those of one name without.

    Raises:
        BadArgument: there is no structure of a name, or no name is in both.
    """
    theirs = {s.name for s in second.structures}
    chosen = pairs or {s.name: s.name for s in first.structures if s.name in theirs}
    if not chosen:
        raise BadArgument(
            "no structure is in both label maps",
            where=f"{', '.join(s.name for s in first.structures)} | {', '.join(sorted(theirs))}",
            advice="say which is which with names",
        )
    found = []
    for number, (name, other) in enumerate(chosen.items()):
        part = watch.part(number / len(chosen), (number + 1) / len(chosen))
        part.tell(0.0, f"comparing {name}")
        found.append(agreement_of(name, first.mask(name), second.mask(other), affine=first.affine,
                                  second_affine=second.affine, watch=part))  # fmt: skip
    return tuple(found)


def agreement_of(
    structure: str,
    first: NDArray[np.bool_],
    second: NDArray[np.bool_],
    *,
    affine: NDArray[np.float64],
    second_affine: NDArray[np.float64] | None = None,
    watch: Watch,
) -> Agreement:
    """Return how two masks (ni, nj, nk) agree.

    Args:
        affine: (4, 4), index → LPS mm, of the first.
        second_affine: of the second, where it has a grid of its own.
    """
    theirs = affine if second_affine is None else second_affine
    ours_ml, theirs_ml = voxel_ml_of(affine), voxel_ml_of(theirs)
    first_ml = int(np.count_nonzero(first)) * ours_ml
    second_ml = int(np.count_nonzero(second)) * theirs_ml
    dice, distances = float(not first_ml and not second_ml), None
    if first_ml and second_ml:
        ours, moved = _cropped(first, affine)
        shared = ours & on_grid(second, theirs, to=moved, shape=ours.shape)
        dice = 2.0 * int(np.count_nonzero(shared)) * ours_ml / (first_ml + second_ml)
        distances = distances_of(shell_of(first, affine), shell_of(second, theirs), watch)
    return Agreement(
        structure=structure,
        first_ml=first_ml,
        second_ml=second_ml,
        dice=min(dice, 1.0),
        distances=distances,
        first_beyond_ml=_beyond(first, affine, theirs, second.shape) * ours_ml,
        second_beyond_ml=_beyond(second, theirs, affine, first.shape) * theirs_ml,
    )


def _cropped(
    mask: NDArray[np.bool_], affine: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return a mask's bounding box and its affine."""
    box, moved = box_of(mask), affine.copy()
    moved[:3, 3] += affine[:3, :3] @ [cut.start for cut in box]
    return mask[box], moved


def _beyond(
    mask: NDArray[np.bool_],
    affine: NDArray[np.float64],
    other: NDArray[np.float64],
    shape: tuple[int, ...],
) -> int:
    """Return how many voxels of a mask have their centre outside another grid."""
    if not mask.any():
        return 0
    here, moved = _cropped(mask, affine)
    seen = on_grid(np.broadcast_to(np.True_, shape), other, to=moved, shape=here.shape)
    return int(np.count_nonzero(here & ~seen))


def same_grid(
    first: NDArray[np.float64], second: NDArray[np.float64], shape: tuple[int, ...]
) -> bool:
    """Return whether two affines (4, 4) place every voxel of a grid alike, to a hundredth."""
    steps = np.linalg.inv(first) @ second - np.eye(4)
    far = np.abs(steps[:3, :3]) @ np.array(shape, dtype=np.float64) + np.abs(steps[:3, 3])
    return bool(far.max() < SAME_PLACE)


def on_grid(
    mask: NDArray[np.bool_],
    affine: NDArray[np.float64],
    *,
    to: NDArray[np.float64],
    shape: tuple[int, ...],
) -> NDArray[np.bool_]:
    """Return a mask on another grid: each voxel takes the value of the one its centre lies in."""
    if mask.shape == shape and same_grid(to, affine, shape):
        return mask
    steps = np.linalg.inv(affine) @ to
    i, j = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    result = np.zeros(shape, dtype=bool, order="F")
    for k in range(shape[2]):
        inside, places = np.ones(shape[:2], dtype=bool), []
        for axis, far in enumerate(mask.shape):
            there = steps[axis, 0] * i + steps[axis, 1] * j + steps[axis, 2] * k + steps[axis, 3]
            place = np.floor(there + 0.5).astype(np.int64)
            inside &= (place >= 0) & (place < far)
            places.append(place)
        u, v, w = (place[inside] for place in places)
        result[:, :, k][inside] = mask[u, v, w]
    return result
