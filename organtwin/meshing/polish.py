"""Mmg polishes the tetrahedra between the interfaces; interface faces are kept as they are.

Mmg (Dapogny, Dobrzynski & Frey 2014, J. Comput. Phys. 262:358) is LGPL, its wrapper mmgpy MIT.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadMesh
from organtwin.meshing.sizefield import SizeField
from organtwin.meshing.tetrahedra import Tetrahedra

SILENT = -1
GRADATION = 1.5


def polished(tetrahedra: Tetrahedra, field: SizeField) -> Tetrahedra:
    """Return the tetrahedra with better angles, the inside sized by the field.

    Raises:
        BadMesh: Mmg could not work on the mesh.
    """
    import mmgpy

    mesh = mmgpy.MmgMesh3D()
    points, cells = tetrahedra.points, tetrahedra.cells
    centre = points.mean(axis=0)
    mesh.set_mesh_size(vertices=len(points), tetrahedra=len(cells))
    mesh.set_vertices(np.ascontiguousarray(points - centre))
    mesh.set_tetrahedra(_int32(cells), np.ascontiguousarray(tetrahedra.regions))
    mesh["metric"] = np.ascontiguousarray(field.at(points)[:, None])
    try:
        mesh.remesh(nosurf=1, hgrad=GRADATION, verbose=SILENT)
    except RuntimeError as error:
        raise BadMesh(
            f"the tetrahedra could not be polished ({error})",
            where="Mmg",
            advice="smooth the labels, or mesh with other sizes",
        ) from error
    found, regions = mesh.get_tetrahedra_with_refs()
    return Tetrahedra(
        mesh.get_vertices() + centre, found.astype(np.int64), regions.astype(np.int64)
    )


def _int32(cells: NDArray[np.int64]) -> NDArray[np.int32]:
    result: NDArray[np.int32] = np.ascontiguousarray(cells, dtype=np.int32)
    return result
