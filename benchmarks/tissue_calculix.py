"""The same organ solved by CalculiX (GPL, started as a program of its own, never shipped).

C3D10 elements on the same tetrahedra, the same energy (U = C10 (Ī₁ - 3) + (J - 1)²/D1 with
C10 = μ/2, D1 = 2/κ), supports, weight and following pressure; units mm, kPa, so that a density of
1 g/mL is 1e-6 and gravity mm/s². CalculiX chooses its own load steps within one step.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import tissue_cases as cases
from benchmarks.tissue_cases import Problem, quadratic, surface

_FACES = {(0, 1, 2): 1, (0, 1, 3): 2, (1, 2, 3): 3, (0, 2, 3): 4}


def solve(problem: Problem, folder: Path, part: float) -> tuple[NDArray[np.float64], float]:
    """Return (n, 3) mm of the mesh's nodes and the CPU seconds it took.

    Args:
        part: of the full load.

    Raises:
        RuntimeError: CalculiX is not installed, or did not reach the full load.
    """
    if shutil.which("ccx") is None:
        raise RuntimeError("CalculiX is not installed (Debian: calculix-ccx)")
    points, cells = quadratic(problem.mesh)
    (folder / "organ.inp").write_text(_deck(problem, points, cells, part))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with (folder / "log.txt").open("w") as log:
        subprocess.run(["ccx", "organ"], cwd=folder, stdout=log, stderr=log, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    moved = _displacements(folder / "organ.dat", len(points))
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return moved[: len(problem.mesh.points_mm)], seconds


def _deck(
    problem: Problem, points: NDArray[np.float64], cells: NDArray[np.int64], part: float
) -> str:
    mesh = problem.mesh
    lines = ["*NODE, NSET=ALL"]
    lines += [f"{n},{x!r},{y!r},{z!r}" for n, (x, y, z) in enumerate(points.tolist(), 1)]
    for label in (1, 2):
        lines.append(f"*ELEMENT, TYPE=C3D10, ELSET=R{label}")
        for index in np.flatnonzero(mesh.regions == label):
            lines.append(f"{index + 1}," + ",".join(map(str, (cells[index] + 1).tolist())))
    for label, shear in ((1, cases.ORGAN_KPA), (2, cases.TUMOUR_KPA)):
        bulk = 2.0 * shear * (1.0 + cases.POISSON) / (3.0 * (1.0 - 2.0 * cases.POISSON))
        lines += [f"*MATERIAL, NAME=M{label}", "*HYPERELASTIC, NEO HOOKE"]
        lines += [
            f"{0.5 * shear!r},{2.0 / bulk!r}",
            "*DENSITY",
            f"{1e-6 * cases.DENSITY_G_PER_ML!r}",
        ]
        lines.append(f"*SOLID SECTION, ELSET=R{label}, MATERIAL=M{label}")
    lines += ["*BOUNDARY", *(f"{node + 1},1,3" for node in _held(problem, cells))]
    lines += ["*STEP, NLGEOM, INC=200", "*STATIC", "0.25,1.0,1e-5,1.0", "*DLOAD"]
    lines += [f"R{label},GRAV,{part * cases.GRAVITY_MM_PER_S2!r},-1.,0.,0." for label in (1, 2)]
    lines += [
        f"{cell + 1},P{face},{part * cases.PRESSURE_KPA!r}" for cell, face in _pressed(problem)
    ]
    lines += ["*NODE PRINT, NSET=ALL, FREQUENCY=1000", "U", "*END STEP", ""]
    return "\n".join(lines)


def _held(problem: Problem, cells: NDArray[np.int64]) -> list[int]:
    """Fixed nodes, and the middles of the edges of outer triangles whose corners are fixed."""
    faces = surface(problem.mesh)
    held = faces[np.isin(faces, problem.fixed).all(axis=1)]
    edges = np.sort(held[:, [[0, 1], [1, 2], [0, 2]]].reshape(-1, 2), axis=1)
    wanted = {tuple(edge) for edge in edges.tolist()}
    ends = ((0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3))
    middles = {
        int(cell[4 + place])
        for cell in cells.tolist()
        for place, (a, b) in enumerate(ends)
        if tuple(sorted((cell[a], cell[b]))) in wanted
    }
    return sorted({*problem.fixed.tolist(), *middles})


def _pressed(problem: Problem) -> list[tuple[int, int]]:
    wanted = {tuple(face) for face in np.sort(problem.pressed, axis=1).tolist()}
    return [
        (index, number)
        for index, cell in enumerate(problem.mesh.cells.tolist())
        for corners, number in _FACES.items()
        if tuple(sorted(cell[c] for c in corners)) in wanted
    ]


def _displacements(path: Path, count: int) -> NDArray[np.float64]:
    moved = np.full((count, 3), np.nan)
    for line in path.read_text().splitlines() if path.is_file() else ():
        words = line.split()
        if len(words) == 4 and words[0].isdigit():
            moved[int(words[0]) - 1] = [float(word) for word in words[1:]]
    if np.isnan(moved).any():
        raise RuntimeError("CalculiX did not reach the full load; see its log")
    return moved
