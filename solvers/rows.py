"""Which nodes of a mesh a rank owns, and in which order: neighbours lie near each other in memory.

The order is that of Cuthill and McKee (reversed): level sets through the mesh, so that a share of
consecutive nodes is a slab whose border with the next is one level. It is the same on any number
of ranks, and so is what is computed, up to the rounding of sums over ranks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee

from solvers.refinement import Mesh
from solvers.tetrahedra import edge_numbers

Reals = NDArray[np.float64]


class Rows:
    """The nodes of a mesh, dealt to the ranks of a communicator; every rank holds the mesh.

    Attributes:
        mesh: all of it.
        edges: (e, 2) int32 nodes of each edge of the mesh, ascending.
        edges_of: (m, 6) int32 the edges of each cell: 01, 02, 03, 12, 13, 23.
        order: (n,) the nodes, neighbours near each other; ranks own consecutive shares.
        own: (k,) this rank's share: a state's column c speaks of node ``own[c]``.
        comm: MPI communicator of those who share the nodes.
    """

    def __init__(self, mesh: Mesh, comm: Any = None) -> None:
        """Order the nodes and take this rank's share; None: this process is alone."""
        from mpi4py import MPI

        self.mesh, self.comm = mesh, comm
        if comm is None:
            self.comm = MPI.COMM_SELF
        self.edges, self.edges_of = edge_numbers(mesh.cells)
        size = len(mesh.points_mm)
        ones = np.ones(len(self.edges), np.int8)
        half = sparse.csr_array((ones, (self.edges[:, 0], self.edges[:, 1])), shape=(size, size))
        self.order = reverse_cuthill_mckee(sparse.csr_array(half + half.T), symmetric_mode=True)
        ends = size * np.arange(self.comm.size + 1) // self.comm.size
        self._counts = [int(count) for count in np.diff(ends)]
        self.own = self.order[ends[self.comm.rank] : ends[self.comm.rank + 1]]

    def taken(self, field: Reals) -> Reals:
        """Return this rank's share (..., k) of a field (..., n) in the mesh's order."""
        return np.ascontiguousarray(field[..., self.own])

    def gathered(self, share: Reals) -> Reals:
        """Return on every rank the field (..., n) of which each gives its share (..., k)."""
        flat = np.ascontiguousarray(share.reshape(-1, len(self.own)).T)
        width = flat.shape[1]
        everything = np.empty((len(self.order), width))
        self.comm.Allgatherv(flat, (everything, [count * width for count in self._counts]))
        field = np.empty((width, len(self.order)))
        field[:, self.order] = everything.T
        return field.reshape(*share.shape[:-1], len(self.order))

    def place_of_largest(self, share: Reals) -> tuple[float, float, float]:
        """Return LPS mm of the node where a field (k,) is largest, or first not a number."""
        odd = np.where(np.isfinite(share), share, np.inf)
        places = self.mesh.points_mm[self.own]
        own = [(float(odd[at]), *map(float, places[at])) for at in np.argsort(odd)[-1:]]
        _, x, y, z = max(one for many in self.comm.allgather(own) for one in many)
        return x, y, z

    def summed(self, value: float) -> float:
        """Return the sum of the ranks' values."""
        return value if self.comm.size == 1 else float(self.comm.allreduce(value))
