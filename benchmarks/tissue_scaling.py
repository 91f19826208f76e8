"""How cost and memory of the tissue solver grow with the mesh, what ranks gain, what previews take.

``python -m benchmarks.tissue_scaling [--growth] [--held] [--ranks] [--previews] [--largest N]``;
all that is asked for in one run, growth where nothing is.

One organ of 13 cm with a stiffer tumour under its weight and a pressure, from zero, p2_p1, meshes
whose tetrahedra are divided into eight once or twice, each size in a process of its own. Goals:

- ``--growth``, on springs over its back half: CPU per unknown at the largest at most 1.5 times
  that at 20 000; 4 GB at 500 000. ``--held``: the same with the back's nodes held; where they end
  strains are infinite on any mesh, and a finer one comes closer to that.
- ``--ranks``: two ranks 1.6 times as fast as one at 125 000 unknowns: wall, three pairs by turns,
  the middle one. What others do on the machine is in it: its load is told beside.
- ``--previews``: 0.5 s CPU of a warm process for a change of load, small or large, on 35 000
  tetrahedra.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.tissue_cases import (
    LAWS,
    VALUES,
    Problem,
    organ,
    quadratic,
    surface,
    weight_and_pressure,
)
from solvers.refinement import Mesh

SIZES: Final = {20_000: (4_500, 0), 125_000: (3_500, 1), 500_000: (1_700, 2), 1_000_000: (3_500, 2)}
"""Unknowns, about → tetrahedra meshed, and how often each is divided into eight."""
PAIRS: Final = 3
MOST_GROWTH, MOST_MB_AT_500_000, LEAST_SPEEDUP, MOST_PREVIEW_S = 1.5, 4096.0, 1.6, 0.5
SPRING_KPA_PER_MM: Final = 0.5
_CORNERS: Final = ((0, 4, 6, 7), (1, 4, 5, 8), (2, 5, 6, 9), (3, 7, 8, 9))
_DIAGONALS: Final = ((4, 9, (5, 6, 7, 8)), (5, 7, (4, 6, 9, 8)), (6, 8, (4, 5, 9, 7)))


def divided(mesh: Mesh) -> Mesh:
    """Return the mesh with each tetrahedron cut into eight, inner ones by the short diagonal."""
    points, cells = quadratic(mesh)
    lengths = [np.linalg.norm(points[cells[:, a]] - points[cells[:, b]], axis=1)
               for a, b, _ in _DIAGONALS]  # fmt: skip
    shortest = np.argmin(lengths, axis=0)
    made = [(cells[:, list(corners)], mesh.regions) for corners in _CORNERS]
    for choice, (a, b, ring) in enumerate(_DIAGONALS):
        own, regions = cells[shortest == choice], mesh.regions[shortest == choice]
        for c, d in zip(ring, (*ring[1:], ring[0]), strict=True):
            made.append((own[:, [a, b, c, d]], regions))
    parts, regions = zip(*made, strict=True)
    return Mesh(points, np.concatenate(parts).astype(np.int32), np.concatenate(regions))


def problem(tetrahedra: int, divisions: int) -> Problem:
    """Return the organ of about so many tetrahedra, divided so often; `fixed`: triangles."""
    mesh = organ(tetrahedra).mesh
    for _ in range(divisions):
        mesh = divided(mesh)
    faces = surface(mesh)
    depth = mesh.points_mm[faces].mean(axis=1)[:, 1]
    return Problem(mesh, faces[depth > np.median(depth)], faces[depth < 40.0])


def arrays(asked: Problem, *, held: bool = False) -> dict[str, NDArray[np.int32]]:
    """Return the faces on springs (or their nodes, held) and under pressure."""
    back = {"fixed_nodes": np.unique(asked.fixed)} if held else {"spring_faces": asked.fixed}
    return {**back, "pressure_faces": asked.pressed}


def loads(part: float, *, held: bool = False) -> dict[str, Any]:
    """Return weight, pressure and springs, this part of the first two."""
    if held:
        return weight_and_pressure(part)
    return {
        **weight_and_pressure(part),
        "spring_normal_kpa_per_mm": SPRING_KPA_PER_MM,
        "spring_tangential_kpa_per_mm": SPRING_KPA_PER_MM,
        "spring_rest_mm": (0.0, 0.0, 0.0),
    }


def measure(path: Path, held: bool) -> None:
    """Solve the mesh in a file on all ranks; print what it took as JSON."""
    from solvers.starting import prepare_process

    prepare_process()
    from mpi4py import MPI

    from solvers.elements import ACCURATE
    from solvers.organ import Organ

    with np.load(path) as stored:
        mesh = Mesh(stored["points"], stored["cells"], stored["regions"])
        asked = Problem(mesh, stored["fixed"], stored["pressed"])
    wall, cpu = time.perf_counter(), time.process_time()
    made = Organ(asked.mesh, LAWS, ACCURATE, arrays(asked, held=held), comm=MPI.COMM_WORLD)
    moved = made.solve(VALUES, loads(1.0, held=held)).displacement_mm()
    told = {
        "unknowns": made.fine.system.size,
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        "newton": [level.newton.iterations for level in made.levels],
        "krylov": [level.newton.linear.steps for level in made.levels],
        "largest_mm": float(np.linalg.norm(moved, axis=1).max()),
    }
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(told), flush=True)


def solved(asked: Problem, folder: Path, *, ranks: int = 1, held: bool = False) -> dict[str, Any]:
    """Return what `measure` tells of a process, or of so many ranks, of its own."""
    path = folder / "mesh.npz"
    mesh = asked.mesh
    np.savez(path, points=mesh.points_mm, cells=mesh.cells, regions=mesh.regions,
             fixed=asked.fixed, pressed=asked.pressed)  # fmt: skip
    own = [sys.executable, "-m", "benchmarks.tissue_scaling", "--measure", str(path)]
    own += ["--held"] if held else []
    mpiexec = [str(Path(sys.executable).with_name("mpiexec")), "-n", str(ranks)]
    said = subprocess.run(
        own if ranks == 1 else [*mpiexec, *own], check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


def growth(largest: int, folder: Path, *, held: bool = False) -> bool:
    """Print each size; return whether the goals of cost and memory are reached."""
    print("held:" if held else "on springs:")
    first, reached = 0.0, True
    for size, (tetrahedra, divisions) in SIZES.items():
        if size > largest:
            continue
        told = solved(problem(tetrahedra, divisions), folder, held=held)
        each = 1e6 * told["cpu_s"] / told["unknowns"]
        first = first or each
        good = each <= MOST_GROWTH * first
        if size == 500_000:
            good = good and told["peak_mb"] <= MOST_MB_AT_500_000
        reached = reached and good
        print(
            f"{told['unknowns']:8d} unknowns {told['cpu_s']:7.1f} s CPU, {each:.0f} µs each, "
            f"{each / first:.2f} times the first (goal {MOST_GROWTH}); {told['peak_mb']:.0f} MB; "
            f"Newton {told['newton']}, Krylov {told['krylov']}; {told['largest_mm']:.2f} mm "
            f"{'reached' if good else 'MISSED'}",
            flush=True,
        )
    return reached


def speedup(folder: Path) -> bool:
    """Print how much faster two ranks are at 125 000 unknowns; return whether enough."""
    asked, gained = problem(*SIZES[125_000]), []
    for _ in range(PAIRS):
        one, two = (solved(asked, folder, ranks=ranks)["wall_s"] for ranks in (1, 2))
        gained.append(one / two)
        print(
            f"one rank {one:.1f} s, two {two:.1f} s wall: {one / two:.2f} times; load of the "
            f"machine {os.getloadavg()[0]:.1f}",
            flush=True,
        )
    good = bool(np.median(gained) >= LEAST_SPEEDUP)
    print(
        f"two ranks: {np.median(gained):.2f} times as fast in the middle of {PAIRS} pairs (goal "
        f"{LEAST_SPEEDUP}) {'reached' if good else 'MISSED'}",
        flush=True,
    )
    return good


def previews() -> bool:
    """Print the CPU time of warm previews after changes of load; return whether all are quick."""
    from solvers.starting import prepare_process

    prepare_process()
    from mpi4py import MPI

    from solvers.elements import PREVIEW
    from solvers.warm import WarmOrgan

    asked, reached = problem(35_000, 0), True
    kept = WarmOrgan(asked.mesh, LAWS, PREVIEW, arrays(asked), comm=MPI.COMM_SELF)
    kept.solve(VALUES, loads(1.0))
    before: NDArray[np.float64] = kept.fine.displacement_mm()
    for part in (0.98, 1.0, 0.9, 1.0, 0.5, 1.0, 0.25, 0.75):
        kept.begin(arrays(asked))
        start = time.process_time()
        moved = kept.solve(VALUES, loads(part)).displacement_mm()
        seconds = time.process_time() - start
        reached = reached and seconds <= MOST_PREVIEW_S
        print(
            f"preview of {len(asked.mesh.cells)} tetrahedra, {part:.0%} of the load: {seconds:.2f} "
            f"s CPU, moved by {np.abs(moved - before).max():.1f} mm (goal {MOST_PREVIEW_S}) "
            f"{'reached' if seconds <= MOST_PREVIEW_S else 'MISSED'}",
            flush=True,
        )
        before = moved
    return reached


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=int, default=1_000_000, help="unknowns, of the growth")
    for part in ("--growth", "--held", "--ranks", "--previews"):
        parser.add_argument(part, action="store_true")
    parser.add_argument("--measure", type=Path, help="a mesh, in this process alone")
    asked = parser.parse_args()
    if asked.measure:
        measure(asked.measure, asked.held)
        return 0
    reached = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.growth or not (asked.held or asked.ranks or asked.previews):
            reached.append(growth(asked.largest, folder))
        if asked.held:
            reached.append(growth(asked.largest, folder, held=True))
        if asked.ranks:
            reached.append(speedup(folder))
    if asked.previews:
        reached.append(previews())
    return int(not all(reached))


if __name__ == "__main__":
    sys.exit(main())
