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
from organtwin.measuring.surfaces import shell_of

SAME_PLACE: Final = 0.01
"""Of a voxel: grids nearer than this at every corner are one grid."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """One structure in two label maps, both on the first's grid.

    Args:
        first_ml, second_ml: by voxels.
        dice: twice what they share over what they have (Dice 1945), 0..1.
        distances: of their surfaces; None where one has no voxels.
        beyond_ml: how much of the second lies outside the first's grid and takes no part.
    """

    structure: str
    first_ml: float
    second_ml: float
    dice: float
    distances: Distances | None
    beyond_ml: float = 0.0

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
        mask = second.mask(other)
        placed = on_grid(mask, second.affine, to=first.affine, shape=first.labels.shape)
        whole_ml = float(np.count_nonzero(mask)) * voxel_ml_of(second.affine)
        found.append(agreement_of(name, first.mask(name), placed, affine=first.affine,
                                  whole_ml=whole_ml, watch=part))  # fmt: skip
    return tuple(found)


def agreement_of(
    structure: str,
    first: NDArray[np.bool_],
    second: NDArray[np.bool_],
    *,
    affine: NDArray[np.float64],
    whole_ml: float | None = None,
    watch: Watch,
) -> Agreement:
    """Return how two masks (ni, nj, nk) of one grid (4, 4), index → LPS mm, agree.

    Args:
        whole_ml: volume of the second on its own grid, where that is another one. What is missing
            here by more than a hundredth, the error of nearest voxels, lies outside.
    """
    ml = voxel_ml_of(affine)
    one, two = int(np.count_nonzero(first)), int(np.count_nonzero(second))
    shared = int(np.count_nonzero(first & second))
    lost = (whole_ml or 0.0) - two * ml
    distances = None
    if one and two:
        distances = distances_of(shell_of(first, affine), shell_of(second, affine), watch)
    return Agreement(
        structure=structure,
        first_ml=one * ml,
        second_ml=two * ml,
        dice=2.0 * shared / (one + two) if one + two else 1.0,
        distances=distances,
        beyond_ml=lost if lost > 0.01 * (whole_ml or 0.0) else 0.0,
    )


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
