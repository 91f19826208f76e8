"""A job's mesh as DOLFINx knows it, spread over the ranks, and the way back to the job's order.

Every rank is given the whole job (the same file); each keeps its part. Indices of the job are
called *input* indices. With one rank nothing is sent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.failures import BadInput
from solvers.refinement import Mesh

Ints = NDArray[np.int32]


class Grid:
    """Tetrahedra with regions, on the ranks of `comm`.

    Attributes:
        comm: MPI communicator.
        mesh: the DOLFINx mesh.
        nodes: (local nodes,) input index of each node of this rank, ghosts too.
        cells: (local cells,) input index of each cell of this rank, ghosts too.
        regions: (local cells,) label of each cell.
        owned_cells: how many of the cells are this rank's own.
        size: nodes in all.
    """

    def __init__(self, mesh: Mesh, comm: Any) -> None:
        """Spread `mesh` (the same on every rank) over the ranks."""
        import basix.ufl
        from dolfinx.mesh import create_mesh

        element = basix.ufl.element("Lagrange", "tetrahedron", 1, shape=(3,))
        own_cells = _share(len(mesh.cells), comm)
        own_points = _share(len(mesh.points_mm), comm)
        self.comm = comm
        self.mesh = create_mesh(
            comm, mesh.cells[own_cells].astype(np.int64), element, mesh.points_mm[own_points]
        )
        topology = self.mesh.topology
        topology.create_connectivity(2, 3)
        topology.create_connectivity(3, 2)
        self.nodes = np.asarray(self.mesh.geometry.input_global_indices)
        self.cells = np.asarray(topology.original_cell_index)
        self.regions = mesh.regions[self.cells]
        self.owned_cells = int(topology.index_map(3).size_local)
        self.size = len(mesh.points_mm)
        self._input_cells = len(mesh.cells)

    def cells_of(self, labels: Any) -> Ints:
        """Return the owned cells whose region is among `labels`, ascending."""
        inside = np.isin(self.regions[: self.owned_cells], labels)
        return np.flatnonzero(inside).astype(np.int32)

    def of_cells(self, value: Any) -> NDArray[np.float64]:
        """Return (local cells,) of one number, or of an array (m,) of the input cells."""
        whole = np.broadcast_to(np.asarray(value, np.float64), self._input_cells)
        return np.asarray(whole[self.cells])

    def corner_positions(self) -> NDArray[np.int32]:
        """Return (local cells, 4) the local nodes of each cell."""
        return np.asarray(self.mesh.geometry.dofmaps[0])

    def faces(self, triangles: Ints, name: str) -> Ints:
        """Return (f, 2) the owned (cell, local facet) pairs of the triangles.

        A triangle between two cells is taken with the cell of the lower input index.

        Args:
            triangles: (t, 3) input node indices.
            name: of the input array, for the message.

        Raises:
            BadInput: a triangle is no face of the mesh.
        """
        wanted = _keys(np.sort(triangles, axis=1), self.size)
        pairs, keys = self._all_faces()
        found = np.isin(keys, wanted)
        seen = self.comm.allgather(np.unique(keys[found]))
        if len(np.unique(np.concatenate(seen))) < len(np.unique(wanted)):
            raise BadInput(f"{name}: a triangle is not a face of the mesh")
        pairs, keys = pairs[found], keys[found]
        order = np.lexsort((self.cells[pairs[:, 0]], keys))
        first = np.ones(len(order), bool)
        first[1:] = keys[order][1:] != keys[order][:-1]
        chosen = pairs[order][first]
        return np.asarray(chosen[chosen[:, 0] < self.owned_cells], dtype=np.int32)

    def faces_of(self, triangles: Ints, labels: Any, name: str) -> Ints:
        """Return (f, 2) as `faces`, taken with the cell whose region is among `labels`."""
        wanted = _keys(np.sort(triangles, axis=1), self.size)
        pairs, keys = self._all_faces()
        right_side = np.isin(self.regions[pairs[:, 0]], labels) & np.isin(keys, wanted)
        seen = self.comm.allgather(np.unique(keys[right_side]))
        if len(np.unique(np.concatenate(seen))) < len(np.unique(wanted)):
            raise BadInput(f"{name}: a triangle is no face of regions {labels}")
        chosen = pairs[right_side]
        return np.asarray(chosen[chosen[:, 0] < self.owned_cells], dtype=np.int32)

    def facets_within(self, held: NDArray[np.bool_]) -> Ints:
        """Return the outer facets of this rank all of whose corners are `held` (input nodes,)."""
        from dolfinx.mesh import entities_to_geometry, exterior_facet_indices

        outer = exterior_facet_indices(self.mesh.topology)
        corners = entities_to_geometry(self.mesh, 2, outer)
        return np.asarray(outer[held[self.nodes][corners].all(axis=1)], dtype=np.int32)

    def gathered_nodes(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (size, ...) values at the input nodes, on every rank, of (local nodes, ...)."""
        return self._gathered(values, self.nodes, self.size)

    def gathered_cells(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (input cells, ...) on every rank, of (owned cells or more, ...)."""
        own = self.owned_cells
        return self._gathered(values[:own], self.cells[:own], self._input_cells)

    def _gathered(
        self, values: NDArray[np.float64], at: NDArray[Any], size: int
    ) -> NDArray[np.float64]:
        whole = np.empty((size, *values.shape[1:]))
        for places, part in self.comm.allgather((at, values)):
            whole[places] = part
        return whole

    def _all_faces(self) -> tuple[Ints, NDArray[np.int64]]:
        """Each cell's four (cell, local facet) pairs, and a key of each facet's input nodes."""
        corners = self.nodes[self.corner_positions()]
        opposite = [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
        keys = np.stack([_keys(np.sort(corners[:, c], axis=1), self.size) for c in opposite], 1)
        cells = np.arange(len(corners), dtype=np.int32)
        pairs = np.stack(
            [np.column_stack([cells, np.full(len(cells), facet, np.int32)]) for facet in range(4)],
            axis=1,
        )
        return pairs.reshape(-1, 2), keys.reshape(-1)


def _share(count: int, comm: Any) -> slice:
    ends = np.linspace(0, count, comm.size + 1).astype(int)
    return slice(int(ends[comm.rank]), int(ends[comm.rank + 1]))


def _keys(triangles: NDArray[Any], size: int) -> NDArray[np.int64]:
    """One number for each sorted triangle: unique while `size`³ fits, which 2 million nodes do."""
    a, b, c = triangles.astype(np.int64).T
    return np.asarray((a * size + b) * size + c)
