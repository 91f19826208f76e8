"""A mesh of voxels: six tetrahedra a voxel, the same in each, so that neighbours fit together.

Kuhn 1960 (10.1147/rd.45.0518): the six orders of the axes are six paths along the edges of a box
from its first corner to its last; a path's four corners are a tetrahedron. All boxes are cut
alike, so the diagonals of a common face agree. Where the axes of the grid are at right angles, the
stiffness of linear elements is the seven-point stencil.

Voxels are joined where they share a face. Where they meet in an edge or a corner alone, each side
has nodes of its own there: nothing flows through a line or a point. So a neck of one voxel stays
one, and a mask that falls apart stays apart.
"""

from __future__ import annotations

from itertools import permutations, product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.failures import BadInput
from solvers.meshfiles import MOST_CELLS, MOST_NODES
from solvers.refinement import Mesh

CORNERS: Final = np.array(list(product((0, 1), repeat=3)))
CELLS_OF_A_VOXEL: Final = 6
MOST_GRID_VOXELS: Final = 512**3
_WEIGHTS: Final = np.array([4, 2, 1])


def voxel_mesh(labels: NDArray[Any], affine: NDArray[np.float64]) -> Mesh:
    """Return the mesh of the voxels that are not 0: nodes at voxel corners, regions = labels.

    Cells `6 v` to `6 v + 5` are those of voxel v of ``np.argwhere(labels)``: a field of one value
    a voxel becomes one of one value a cell by ``np.repeat(field[labels != 0], 6)``.

    Args:
        labels: (ni, nj, nk) bool or integers ≥ 0: a mask or a label map; 0 is no tissue.
        affine: (4, 4) index (i, j, k) of a voxel's centre → LPS mm; oblique, sheared or mirrored.

    Raises:
        BadInput: no such array or affine, no voxels, or more than `MOST_CELLS` cells or
            `MOST_NODES` nodes.
    """
    labels, affine = _checked(labels), _checked_affine(affine)
    voxels = np.argwhere(labels)
    names = _corner_names(labels != 0, voxels)
    kept, nodes = np.unique(names, return_inverse=True)
    if len(kept) > MOST_NODES:
        raise BadInput(f"a mesh of {len(kept)} nodes is out of bounds (at most {MOST_NODES})")
    grid = np.array(labels.shape) + 1
    index = np.column_stack(np.unravel_index(kept // 8, tuple(grid))) - 0.5
    cells = nodes.reshape(-1, 8)[:, _paths(mirrored=bool(np.linalg.det(affine[:3, :3]) < 0))]
    return Mesh(
        index @ affine[:3, :3].T + affine[:3, 3],
        np.ascontiguousarray(cells.reshape(-1, 4), dtype=np.int32),
        np.repeat(labels[labels != 0], CELLS_OF_A_VOXEL).astype(np.int32),
    )


def _checked(labels: NDArray[Any]) -> NDArray[Any]:
    labels = np.asarray(labels)
    if labels.ndim != 3 or labels.dtype.kind not in "biu":
        raise BadInput("labels: expected a mask or integers in three dimensions (i, j, k)")
    if labels.size > MOST_GRID_VOXELS:
        raise BadInput(f"labels: {labels.size} voxels are out of bounds: crop the grid")
    if labels.dtype.kind != "b" and labels.size:
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high > np.iinfo(np.int32).max:
            raise BadInput(f"labels: they run from {low} to {high}; 0 is outside, 1 to 2³¹ inside")
    count = int(np.count_nonzero(labels))
    if not 0 < count <= MOST_CELLS // CELLS_OF_A_VOXEL:
        raise BadInput(
            f"labels: {count} voxels are not 0; a mesh takes 1 to "
            f"{MOST_CELLS // CELLS_OF_A_VOXEL}: crop the mask or merge voxels"
        )
    return labels


def _checked_affine(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    affine = np.asarray(affine, np.float64)
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or (affine[3] != (0, 0, 0, 1)).any():
        raise BadInput("affine: expected (4, 4) finite numbers that map an index to LPS mm")
    sides = np.linalg.norm(affine[:3, :3], axis=0)
    if abs(np.linalg.det(affine[:3, :3])) <= 1e-6 * sides.prod():
        raise BadInput("affine: its voxels are flat")
    return affine


def _corner_names(mask: NDArray[np.bool_], voxels: NDArray[np.int64]) -> NDArray[np.int64]:
    """(v, 8) a number for each corner of each voxel, equal where the corner is the same node.

    It is eight times the place of the corner on the grid of corners, plus the first of the eight
    voxels around it that this voxel is joined to by faces among those eight.
    """
    shape = np.array(mask.shape) + 1
    padded = np.pad(mask, 1)
    around = np.zeros(shape, np.uint8)
    for bit, (a, b, c) in enumerate(CORNERS):
        here = padded[a : a + shape[0], b : b + shape[1], c : c + shape[2]]
        around |= here.astype(np.uint8) << np.uint8(bit)
    joined = _joined()
    names = np.empty((len(voxels), 8), np.int64)
    for number, corner in enumerate(CORNERS):
        place = np.ravel_multi_index(tuple((voxels + corner).T), tuple(shape))
        itself = int((1 - corner) @ _WEIGHTS)
        names[:, number] = 8 * place + joined[around.ravel()[place], itself]
    return names


def _joined() -> NDArray[np.int64]:
    """(256, 8) for each set of the eight voxels about a corner: the first one each is joined to."""
    sets = (np.arange(256)[:, None] >> np.arange(8)) & 1 == 1
    first = np.tile(np.arange(8), (256, 1))
    for _ in range(3 * 2):
        for one, other in product(range(8), repeat=2):
            if int(one ^ other).bit_count() == 1:
                both = sets[:, one] & sets[:, other]
                first[both, one] = np.minimum(first[both, one], first[both, other])
    return first


def _paths(*, mirrored: bool) -> NDArray[np.int64]:
    """(6, 4) corners of each tetrahedron, such that its volume is positive."""
    paths = []
    for order in permutations(range(3)):
        steps = np.eye(3, dtype=np.int64)[list(order)]
        corners = np.vstack([np.zeros((1, 3), np.int64), np.cumsum(steps, axis=0)]) @ _WEIGHTS
        turned = (np.linalg.det(steps) < 0) != mirrored
        paths.append(corners[[0, 2, 1, 3]] if turned else corners)
    return np.array(paths)
