"""Between slices: a structure painted in some slices, filled in between them.

Shape-based interpolation (Raya & Udupa 1990, IEEE Transactions on Medical Imaging 9:32-42): in each
painted slice the distance to the outline is measured, negative outside; between two painted slices
these distances are mixed by how near each is, and the structure is where the mix is not negative.
Outlines that do not overlap are moved onto each other first. Slices are those of the image along
one of its axes, the one along which the structure is painted most sparsely, or the one that is set;
oblique slices are not interpolated. Nothing is added beyond the first and last painted slice.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.segmenting import Method, Request
from organtwin.segmenting.frame import Flags
from organtwin.segmenting.marks import Asked, answered, asked
from organtwin.segmenting.seeds import BACKGROUND
from solvers.contract import Parameter


def segment(request: Request, watch: Watch) -> LabelMap:
    """Fill in the structures that seeds name, or all that are painted with gaps.

    Raises:
        BadArgument: there are no labels so far, or nothing is painted with gaps.
        MisplacedLabel: a vessel or tumour then lies outside the organ.
    """
    here = asked(request)
    masks: dict[str, Flags] = {}
    for name in _names(request):
        watch.tell(len(masks) / 10.0, f"{name}: between its slices")
        painted = _painted(here, name)
        axis = int(request.settings["axis"]) - 1
        axis = sparse_axis(painted) if axis < 0 else axis
        slices = _slices(painted, axis)
        if len(slices) >= 2 and slices[-1] - slices[0] >= len(slices):
            masks[name] = filled(painted, axis, here.frame.spacing_mm)
    if not masks:
        raise BadArgument(
            "no structure is painted with gaps between its slices",
            where="labels",
            advice="paint it in two slices or more that leave others out between them",
        )
    watch.tell(1.0, f"{len(masks)} structures filled in")
    return answered(here, masks)


def sparse_axis(painted: Flags) -> int:
    """Axis along which the least share of slices, first to last, holds anything."""
    shares = []
    for axis in range(3):
        slices = _slices(painted, axis)
        shares.append(len(slices) / (slices[-1] - slices[0] + 1))
    return int(np.argmin(shares))


def filled(painted: Flags, axis: int, spacing_mm: tuple[float, float, float]) -> Flags:
    """Return the mask (ni, nj, nk) with the slices between painted ones filled in."""
    found = painted.copy()
    across = np.moveaxis(found, axis, 0)
    flat_mm = [s for n, s in enumerate(spacing_mm) if n != axis]
    for before, after in pairwise(_slices(painted, axis)):
        low, high = _signed(across[before], flat_mm), _signed(across[after], flat_mm)
        apart = np.zeros(2)
        if not (across[before] & across[after]).any():
            apart = _middle(across[after]) - _middle(across[before])
        for number in range(before + 1, after):
            share = (number - before) / (after - before)
            moved = _moved(low, share * apart), _moved(high, (share - 1.0) * apart)
            across[number] = (1.0 - share) * moved[0] + share * moved[1] >= 0.0
    return found


def _names(request: Request) -> list[str]:
    if request.labels is None or not request.labels.structures:
        raise BadArgument(
            "there are no labels to fill in between", where="labels", advice="paint some slices"
        )
    asked_for = [name for name in request.seeds.names if name != BACKGROUND]
    return [request.labels.structure(name).name for name in asked_for] or [
        structure.name for structure in request.labels.structures
    ]


def _painted(here: Asked, name: str) -> Flags:
    painted = here.so_far(name)
    if painted is None:
        raise BadArgument(f"{name} is painted nowhere", where="labels", advice="paint two slices")
    return painted


def _slices(painted: Flags, axis: int) -> list[int]:
    others = tuple(a for a in range(3) if a != axis)
    return [int(n) for n in np.flatnonzero(painted.any(axis=others))]


def _signed(outline: Flags, flat_mm: list[float]) -> NDArray[np.float64]:
    """Distance to the outline of a slice, mm, positive inside; half way between voxels zero."""
    half = 0.5 * min(flat_mm)
    inside = ndimage.distance_transform_edt(outline, sampling=flat_mm)
    outside = ndimage.distance_transform_edt(~outline, sampling=flat_mm)
    signed: NDArray[np.float64] = np.where(outline, inside - half, half - outside)
    return signed


def _middle(outline: Flags) -> NDArray[np.float64]:
    return np.argwhere(outline).mean(axis=0)


def _moved(distance: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
    if not by.any():
        return distance
    moved: NDArray[np.float64] = ndimage.shift(distance, by, order=1, mode="nearest")
    return moved


SETTINGS = (
    Parameter(
        "axis", "1", 0.0, 3.0,
        "slices along which axis: 1 left-right, 2 front-back, 3 feet-head, 0 the sparsest",
        "the axis with fewest painted slices between first and last", 0.0,
    ),
)  # fmt: skip
METHOD = Method("between-slices", "Fill in between painted slices", "seeded", segment, SETTINGS)
