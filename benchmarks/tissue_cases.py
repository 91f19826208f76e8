"""An organ to deform: an ellipsoid of 13 by 11 by 10 cm with a stiffer tumour of 3 cm, meshed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.meshing_cases import map_of
from organtwin.core.watch import Watch
from organtwin.meshing import Sizes, mesh_labels
from solvers.refinement import Mesh

ORGAN_KPA, TUMOUR_KPA, POISSON = 2.14, 8.0, 0.49
GRAVITY_MM_PER_S2, DENSITY_G_PER_ML, PRESSURE_KPA = 9806.65, 1.06, 0.8
LAWS = {1: "neo_hookean", 2: "neo_hookean"}
VALUES = {
    label: {"shear_modulus_kpa": shear, "poisson_ratio": POISSON}
    for label, shear in ((1, ORGAN_KPA), (2, TUMOUR_KPA))
}
_CORNERS = ((0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3))


@dataclass(frozen=True)
class Problem:
    """Mesh, supports and faces under pressure, in the solver's terms.

    Args:
        mesh: regions 1 (organ) and 2 (tumour).
        fixed: (k,) nodes of the back quarter of the surface.
        pressed: (f, 3) triangles of the front.
    """

    mesh: Mesh
    fixed: NDArray[np.int32]
    pressed: NDArray[np.int32]

    @property
    def arrays(self) -> dict[str, NDArray[np.int32]]:
        """Return the job's arrays beside the mesh."""
        return {"fixed_nodes": self.fixed, "pressure_faces": self.pressed}


def weight_and_pressure(part: float) -> dict[str, Any]:
    """Return the solver's settings of this part of the load."""
    return {
        "gravity_mm_per_s2": (-part * GRAVITY_MM_PER_S2, 0.0, 0.0),
        "density_g_per_ml": DENSITY_G_PER_ML,
        "pressure_kpa": part * PRESSURE_KPA,
    }


def organ(tetrahedra: int) -> Problem:
    """Return the organ meshed with about so many tetrahedra."""
    i, j, k = np.indices((80, 70, 60)) * 2.0
    voxels = np.zeros(i.shape, np.uint8)
    voxels[((i - 80) / 66) ** 2 + ((j - 70) / 54) ** 2 + ((k - 60) / 48) ** 2 < 1] = 1
    voxels[(i - 95) ** 2 + (j - 70) ** 2 + (k - 70) ** 2 < 15**2] = 2
    wanted = Sizes(target_tetrahedra=tetrahedra)
    made, _ = mesh_labels(map_of(voxels, (2.0, 2.0, 2.0)), wanted, Watch())
    mesh = Mesh(made.points, made.tetrahedra.astype(np.int32), made.regions.astype(np.int32))
    faces = surface(mesh)
    nodes = np.unique(faces)
    back = mesh.points_mm[nodes, 1] > np.quantile(mesh.points_mm[nodes, 1], 0.75)
    front = mesh.points_mm[faces].mean(axis=1)[:, 1] < 40.0
    return Problem(mesh, nodes[back].astype(np.int32), faces[front].astype(np.int32))


def surface(mesh: Mesh) -> NDArray[np.int32]:
    """Return (f, 3) the outer triangles."""
    faces = np.sort(np.concatenate([mesh.cells[:, list(c)] for c in _CORNERS]), axis=1)
    found, count = np.unique(faces, axis=0, return_counts=True)
    return np.asarray(found[count == 1], dtype=np.int32)


def quadratic(mesh: Mesh) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return points and (m, 10) cells; mid-nodes of edges 12, 23, 13, 14, 24, 34."""
    ends = np.array([(0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3)])
    pairs = np.sort(mesh.cells[:, ends].reshape(-1, 2), axis=1)
    edges, which = np.unique(pairs, axis=0, return_inverse=True)
    middles = mesh.points_mm[edges].mean(axis=1)
    points = np.concatenate([mesh.points_mm, middles])
    return points, np.column_stack([mesh.cells, which.reshape(-1, 6) + len(mesh.points_mm)])
