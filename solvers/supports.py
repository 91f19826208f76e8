"""The nodes that are held or moved as told, and whether they and the springs hold every piece."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from solvers.failures import BadInput
from solvers.grid import Grid
from solvers.loads.springs import FACES, NORMAL, TANGENTIAL
from solvers.meshfiles import index_array, real_array
from solvers.refinement import Mesh

Arrays = Mapping[str, NDArray[Any]]
Reals = NDArray[np.float64]
_LOOSE: Final = 1e-6
"""Part of the stiffest rigid motion's resistance below which another is not held."""


class Supports:
    """What holds a mesh.

    Raises:
        BadInput: an array does not fit, or nothing holds a piece and there are no springs.
    """

    def __init__(self, arrays: Arrays, mesh: Mesh) -> None:
        """Read ``fixed_nodes``, ``prescribed_nodes``, ``prescribed_mm`` and the springs' faces."""
        size = len(mesh.points_mm)
        fixed = moved = np.empty(0, np.int32)
        shift = np.empty((0, 3))
        if "fixed_nodes" in arrays:
            fixed = index_array(arrays, "fixed_nodes", None, size)
        if "prescribed_nodes" in arrays:
            moved = index_array(arrays, "prescribed_nodes", None, size)
            shift = real_array(arrays, "prescribed_mm", (len(moved), 3))
        if len(np.intersect1d(fixed, moved)):
            raise BadInput("a node is both fixed and prescribed")
        self._held = np.zeros(size, bool)
        self._held[fixed] = self._held[moved] = True
        self._goal = np.zeros((size, 3))
        self._goal[moved] = shift
        self._points = mesh.points_mm
        self._pieces = _pieces(mesh)
        self._springs = {
            name.removeprefix(FACES.name): index_array(arrays, name, 3, size)
            for name in sorted(arrays)
            if name.partition("@")[0] == FACES.name
        }
        if not self._springs:
            self.require_hold({})

    def require_hold(self, settings: Mapping[str, Any]) -> None:
        """Raise BadInput unless every piece is held against all six rigid motions.

        Contact does not count: it holds nothing before it touches.
        """
        count = int(self._pieces.max()) + 1
        centres = _summed(self._pieces, self._points, count)
        centres /= np.bincount(self._pieces)[:, None]
        away = self._points - centres[self._pieces]
        reach = np.sqrt(_summed(self._pieces, (away**2).sum(axis=1), count))
        reach /= np.sqrt(np.bincount(self._pieces))
        motions = _rigid_motions(away / reach[self._pieces, None])
        held = np.flatnonzero(self._held)
        resistance = _summed(self._pieces[held], _squares(motions[held], np.eye(3)[None]), count)
        for suffix, triangles in self._springs.items():
            pull = _pull(self._points[triangles], settings, suffix)
            for corner in range(3):
                nodes = triangles[:, corner]
                resistance += _summed(self._pieces[nodes], _squares(motions[nodes], pull), count)
        stiffness = np.linalg.eigvalsh(resistance)
        loose = np.flatnonzero(stiffness[:, 0] <= _LOOSE * np.maximum(stiffness[:, -1], 1e-300))
        if len(loose):
            x, y, z = centres[loose[0]]
            raise BadInput(
                f"nothing holds the piece of {int((self._pieces == loose[0]).sum())} nodes around "
                f"({x:.0f}, {y:.0f}, {z:.0f}) mm: at least 3 nodes, not in a line, must be fixed "
                f"or prescribed, or springs must hold it (contact does not)"
            )

    def of(self, grid: Grid, moved: Any) -> tuple[NDArray[np.int32], Reals]:
        """Return the blocked dofs that are prescribed, and (local dofs × 3,) mm for each dof."""
        from dolfinx import fem

        space = moved.function_space
        linear = fem.Function(fem.functionspace(grid.mesh, ("Lagrange", 1, (3,))))
        places = node_dofs(grid, linear.function_space)
        linear.x.array.reshape(-1, 3)[places] = self._goal[grid.nodes]
        goal = fem.Function(space)
        goal.interpolate(linear)
        goal.x.scatter_forward()
        return held_dofs(grid, space, self._held), goal.x.array.copy()


def held_dofs(grid: Grid, space: Any, held: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the blocked dofs of a Lagrange space at the input nodes `held` (n,) and amid them."""
    from dolfinx import fem

    facets = fem.locate_dofs_topological(space, 2, grid.facets_within(held))
    corners = node_dofs(grid, space)[held[grid.nodes]]
    return np.union1d(facets, corners).astype(np.int32)


def node_dofs(grid: Grid, space: Any) -> NDArray[np.int32]:
    """Return (local nodes,) the blocked dof of a Lagrange space at each mesh node."""
    dofs = np.empty(len(grid.nodes), np.int32)
    dofs[grid.corner_positions()] = space.dofmap.list[:, :4]
    return dofs


def _pieces(mesh: Mesh) -> NDArray[np.int64]:
    """(n,) the number of the connected piece of each node."""
    pairs = mesh.cells[:, [[0, 1], [1, 2], [2, 3]]].reshape(-1, 2)
    size = len(mesh.points_mm)
    graph = coo_array((np.ones(len(pairs), np.int8), pairs.T), shape=(size, size))
    _, numbers = connected_components(graph, directed=False)
    return np.asarray(numbers, np.int64)


def _rigid_motions(places: Reals) -> Reals:
    """(n, 3, 6) what three shifts and three turns do at each place."""
    x, y, z = places.T
    motions = np.zeros((len(places), 3, 6))
    motions[:, :, :3] = np.eye(3)
    motions[:, 0, 4], motions[:, 0, 5] = z, -y
    motions[:, 1, 3], motions[:, 1, 5] = -z, x
    motions[:, 2, 3], motions[:, 2, 4] = y, -x
    return motions


def _pull(corners: Reals, settings: Mapping[str, Any], suffix: str) -> Reals:
    """(f, 3, 3) what each triangle's springs resist, relative to the stiffer of the two."""
    stiff = [float(settings[s.parameter.name + suffix]) for s in (NORMAL, TANGENTIAL)]
    along, across = np.array(stiff) / max(*stiff, 1e-300)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    square = normal[:, :, None] * normal[:, None, :]
    pull: Reals = along * square + across * (np.eye(3) - square)
    return pull


def _squares(motions: Reals, pull: Reals) -> Reals:
    return np.asarray(np.swapaxes(motions, 1, 2) @ pull @ motions)


def _summed(piece: NDArray[np.int64], values: Reals, count: int) -> Reals:
    total = np.zeros((count, *values.shape[1:]))
    np.add.at(total, piece, values)
    return total
