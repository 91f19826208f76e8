"""Random walker: which seeds a walk from each voxel reaches first, with a prior from growth.

The walker's potentials with priors solve (L + g) x = g p (Grady 2005, Multilabel random walker
image segmentation using prior models): L is the graph Laplacian whose weights fall off where the
image changes by more than its noise and in walls (`walls`), p how likely a voxel is to belong to a
name before (`growth`: cost from the seeds, and values), seeds fixed. The potentials keep borders
short where the image says nothing and on its edges where it does. Necks are cut (`necks`). This is
the method for an organ from a few scribbles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.segmenting import Method, Remark, Request
from organtwin.segmenting.appearance import appearance_of
from organtwin.segmenting.field import Field, field_of
from organtwin.segmenting.frame import Floats
from organtwin.segmenting.growing import owned
from organtwin.segmenting.growth import costs_of, shares_of
from organtwin.segmenting.marks import Voxels, answered, asked, both_sides
from organtwin.segmenting.seeds import BACKGROUND
from solvers.contract import Parameter

LEAST_WEIGHT = 1e-4
MOST_ROUNDS = 2000
ACCURACY = 1e-3
"""Of the potentials, rms: they are told apart at a half."""
WALL = 0.5


def segment(request: Request, watch: Watch) -> LabelMap:
    """Label every structure that has points or scribbles; labels so far of other names stay.

    Raises:
        BadArgument: no seeds in a structure or around it, or some outside the image.
        EmptyLabel: a structure came out empty.
        MisplacedLabel: a vessel or tumour lies outside the organ.
    """
    here = asked(request)
    marks = here.marks()
    both_sides(marks)
    field = field_of(here.image, here.frame.spacing_mm, marks)
    looks = appearance_of(field.image, field.marks)
    costs = {}
    for number, name in enumerate(marks):
        watch.tell(0.4 * number / len(marks), f"{name}: what it costs to reach")
        costs[name] = costs_of(field, looks, name)
    shares = shares_of(costs, looks)
    edge = request.settings["edge"] / (2.0 * looks.noise**2)
    graph = Graph(field, edge, request.settings["prior"])
    walked, off = _walked(field, shares, graph, watch.part(0.4, 0.8))
    if off > ACCURACY:
        what = f"the walk did not settle (a higher prior does): potentials off by up to {off:.2g}"
        request.look(Remark("", "accuracy", what, off, "1"))
    owner = owned(walked, field, even=0.0)
    masks = {}
    for number, name in enumerate(marks):
        if name != BACKGROUND:
            watch.tell(0.8 + 0.2 * number / len(marks), f"{name}: its border")
            masks[name] = field.outlined(owner == number)
    return answered(here, masks, field.box)


def _walked(
    field: Field, shares: dict[str, Floats], graph: Graph, watch: Watch
) -> tuple[dict[str, Floats], float]:
    """Potentials of each name, the background's what the others leave of 1; how far off."""
    fixed = np.zeros(field.image.shape, bool)
    for voxels in field.marks.values():
        fixed[tuple(voxels.T)] = True
    found, most = {}, 0.0
    names = [name for name in shares if name != BACKGROUND]
    for number, name in enumerate(names):
        part = watch.part(number / len(names), (number + 1) / len(names))
        found[name], off = graph.potential(shares[name], fixed, field.marks[name], watch=part)
        most = max(most, off)
    rest = 1.0 - np.sum(list(found.values()), axis=0)
    found[BACKGROUND] = rest.astype(np.float32)
    return {name: found[name] for name in shares}, most


class Graph:
    """Voxels joined to their six neighbours.

    Args:
        field: its image and walls.
        edge: weights are exp(-edge times the square of the change, less half of the higher wall).
        prior: how strongly each voxel is held to its prior.
    """

    def __init__(self, field: Field, edge: float, prior: float) -> None:
        image, walls, spacing_mm = field.image, np.float32(WALL) * field.walls, field.spacing_mm
        self._prior = np.float32(prior)
        self._weights, self._pairs = [], []
        self._diagonal = np.full(image.shape, self._prior)
        for axis in range(3):
            low, high = _cut(axis, slice(None, -1)), _cut(axis, slice(1, None))
            height = edge * np.diff(image, axis=axis) ** 2 + np.maximum(walls[low], walls[high])
            near = (min(spacing_mm) / spacing_mm[axis]) ** 2
            weight = near * (np.exp(-height) + LEAST_WEIGHT)
            self._weights.append(weight.astype(np.float32))
            self._pairs.append((low, high))
            self._diagonal[low] += self._weights[-1]
            self._diagonal[high] += self._weights[-1]

    def potential(
        self, prior: Floats, fixed: NDArray[np.bool_], ones: Voxels, *, watch: Watch
    ) -> tuple[Floats, float]:
        """Solve by conjugate gradients, scaled by the diagonal; return what the rms error is below.

        No eigenvalue of L + g is below g: the error's norm is at most the residual's over g.

        Args:
            prior: 0..1, where the search starts too.
            fixed: voxels with seeds: 1 at `ones` (n, 3), else 0.
        """
        x = prior.copy()
        x[fixed] = 0.0
        x[tuple(ones.T)] = 1.0
        residual = self._prior * prior - self._times(x)
        residual[fixed] = 0.0
        scaled = residual / self._diagonal
        way, now = scaled.copy(), float(np.vdot(residual, scaled))
        for round_ in range(MOST_ROUNDS):
            off = float(np.sqrt(np.vdot(residual, residual) / residual.size) / self._prior)
            if off <= ACCURACY:
                break
            watch.tell(round_ / MOST_ROUNDS, "walking")
            ahead = self._times(way)
            ahead[fixed] = 0.0
            length = np.float32(now / float(np.vdot(way, ahead)))
            x += length * way
            residual -= length * ahead
            scaled = residual / self._diagonal
            before, now = now, float(np.vdot(residual, scaled))
            way = scaled + np.float32(now / before) * way
        return x, off

    def _times(self, x: Floats) -> Floats:
        y: Floats = self._diagonal * x
        for (low, high), weight in zip(self._pairs, self._weights, strict=True):
            y[low] -= weight * x[high]
            y[high] -= weight * x[low]
        return y


def _cut(axis: int, along: slice) -> tuple[slice, ...]:
    return tuple(along if a == axis else slice(None) for a in range(3))


SETTINGS = (
    Parameter(
        "edge", "1", 0.0, 10.0, "how strongly a change of the image parts two voxels",
        "a weight of a tenth at seven times the noise (of the blurred image); higher follows noise",
        0.1,
    ),
    Parameter(
        "prior", "1", 1e-4, 1.0, "how strongly a voxel is held to what growth says of it",
        "1 / sqrt(prior) voxels is how far borders are evened out: 10 voxels are 30 mm", 0.01,
    ),
)  # fmt: skip
METHOD = Method(
    "random-walker", "An organ and its neighbours from a few scribbles", "seeded", segment, SETTINGS
)
