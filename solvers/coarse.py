"""What the multigrid's coarse levels are made of: P1 in P2, and the rigid motions."""

from __future__ import annotations

from typing import Any

import numpy as np

from solvers.system import System


def from_linear(system: System) -> Any:
    """The matrix that takes a P1 displacement to the same one as P2."""
    from dolfinx.fem import functionspace
    from dolfinx.fem.petsc import interpolation_matrix

    linear = functionspace(system.grid.mesh, ("Lagrange", 1, (3,)))
    matrix = interpolation_matrix(linear, system.unknowns[0].function_space)
    matrix.assemble()
    return matrix


def rigid_motions(system: System, petsc: Any) -> Any:
    """The six rigid motions of P1 as a near-null space: what the coarse grids must hold."""
    from dolfinx.fem import functionspace

    linear = functionspace(system.grid.mesh, ("Lagrange", 1, (3,)))
    own = linear.dofmap.index_map.size_local
    x, y, z = linear.tabulate_dof_coordinates()[:own].T
    o, i = np.zeros_like(x), np.ones_like(x)
    motions = [(i, o, o), (o, i, o), (o, o, i), (-y, x, o), (o, -z, y), (z, o, -x)]
    vectors = [
        petsc.Vec().createWithArray(np.column_stack(m).ravel(), bsize=3, comm=system.grid.comm)
        for m in motions
    ]
    return petsc.NullSpace().create(vectors=_orthonormal(vectors), comm=system.grid.comm)


def _orthonormal(vectors: list[Any]) -> list[Any]:
    """Gram-Schmidt, twice, over all ranks."""
    for index, vector in enumerate(vectors):
        for _ in range(2):
            for before in vectors[:index]:
                vector.axpy(-vector.dot(before), before)
            vector.normalize()
    return vectors
