"""A block solved by CalculiX on the same mesh: neo-Hookean C3D10, the same energy as ours.

CalculiX writes W = C₁₀ (Ī₁ - 3) + (J - 1)²/D₁ (CrunchiX manual, *HYPERELASTIC, NEO HOOKE), so
C₁₀ = μ/2 and D₁ = 2/κ. Its C3D10 has the displacement alone: it is the peer of our p2, and up to
ν = 0.49 locks little enough to be one of p2_p1. Units: mm, kPa, thus mN.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from solvers.refinement import Mesh

Reals = NDArray[np.float64]
_EDGES: Final = ((0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3))
"""Corners that the fifth to tenth node of a C3D10 lie between."""
_SLOWEST_S: Final = 900.0


@dataclass(frozen=True)
class Quadratic:
    """A mesh with nodes amid its edges: `points_mm` the corners first, `cells` (m, 10)."""

    points_mm: Reals
    cells: NDArray[np.int64]
    edges: NDArray[np.int64]

    def held(self, corners: NDArray[np.bool_], triangles: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return which nodes are held with the corners: those amid edges of held outer faces."""
        faces = np.sort(triangles[corners[triangles].all(axis=1)], axis=1)
        wanted = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [0, 2]]])
        key = np.array([len(self.points_mm), 1])
        return np.concatenate([corners, np.isin(self.edges @ key, wanted @ key)])


def quadratic(mesh: Mesh) -> Quadratic:
    """Return the mesh with nodes amid its straight edges, cells turned to positive volume."""
    cells = mesh.cells.astype(np.int64)
    a, b, c, d = (mesh.points_mm[cells[:, i]] for i in range(4))
    turned = np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) < 0.0
    cells[turned] = cells[turned][:, [0, 2, 1, 3]]
    pairs = np.sort(np.stack([cells[:, list(e)] for e in _EDGES], axis=1), axis=2)
    edges, place = np.unique(pairs.reshape(-1, 2), axis=0, return_inverse=True)
    amid = place.reshape(len(cells), 6) + len(mesh.points_mm)
    points = np.concatenate([mesh.points_mm, mesh.points_mm[edges].mean(axis=1)])
    return Quadratic(points, np.column_stack([cells, amid]), edges)


def installed() -> bool:
    """Return whether the command ``ccx`` is there."""
    return shutil.which("ccx") is not None


def displacement_mm(
    mesh: Quadratic,
    values: Mapping[str, float],
    *,
    weight_kpa_per_mm: float,
    held: NDArray[np.bool_],
    goal_mm: Reals,
) -> Reals:
    """Return (n, 3) CalculiX's displacement of all nodes.

    Args:
        values: shear_modulus_kpa, poisson_ratio of the neo-Hookean law.
        weight_kpa_per_mm: along -z.
        held: (n,) nodes that are held; `goal_mm` (n, 3) where they go.

    Raises:
        RuntimeError: CalculiX did not solve it; with the end of what it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        deck = [*_model(mesh, values, weight_kpa_per_mm), *_step(held, goal_mm, weight_kpa_per_mm)]
        (Path(folder) / "job.inp").write_text("\n".join(deck) + "\n", encoding="ascii")
        said = subprocess.run(
            ["ccx", "job"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_SLOWEST_S,
            check=False,
        )
        answer = Path(folder) / "job.dat"
        if said.returncode != 0 or "*ERROR" in said.stdout or not answer.is_file():
            raise RuntimeError(f"CalculiX did not solve it: {said.stdout[-800:]}")
        return _last_displacement(answer.read_text(encoding="ascii"), len(mesh.points_mm))


def _model(mesh: Quadratic, values: Mapping[str, float], weight: float) -> list[str]:
    mu, nu = values["shear_modulus_kpa"], values["poisson_ratio"]
    bulk = 2.0 * mu * (1.0 + nu) / (3.0 * (1.0 - 2.0 * nu))
    return [
        "*NODE, NSET=NALL",
        *(f"{i},{x:.12g},{y:.12g},{z:.12g}" for i, (x, y, z) in enumerate(mesh.points_mm, 1)),
        "*ELEMENT, TYPE=C3D10, ELSET=EALL",
        *(f"{i}," + ",".join(map(str, cell)) for i, cell in enumerate(mesh.cells + 1, 1)),
        "*MATERIAL, NAME=TISSUE",
        "*HYPERELASTIC, NEO HOOKE",
        f"{mu / 2:.12g},{2 / bulk:.12g}",
        "*DENSITY",
        f"{weight:.12g}",
        "*SOLID SECTION, ELSET=EALL, MATERIAL=TISSUE",
    ]


def _step(held: NDArray[np.bool_], goal_mm: Reals, weight: float) -> list[str]:
    lines = ["*STEP, NLGEOM, INC=200", "*STATIC", "0.25,1.0"]
    lines += ["*CONTROLS, PARAMETERS=FIELD", "1e-6,1e-6", "*BOUNDARY"]
    lines += [
        f"{node + 1},{axis + 1},{axis + 1},{goal_mm[node, axis]:.12g}"
        for node in np.flatnonzero(held)
        for axis in range(3)
    ]
    if weight:
        lines += ["*DLOAD", "EALL,GRAV,1.0,0.0,0.0,-1.0"]
    return [*lines, "*NODE PRINT, NSET=NALL, FREQUENCY=1000", "U", "*END STEP"]


def _last_displacement(text: str, size: int) -> Reals:
    block = text[text.rindex("displacements") :].splitlines()[1:]
    rows = np.array([line.split() for line in block if line.strip()], float)
    answer = np.zeros((size, 3))
    answer[rows[:, 0].astype(int) - 1] = rows[:, 1:4]
    return answer
