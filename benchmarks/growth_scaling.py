"""What a tumour's course costs: time, memory, size, ranks and ensembles.

``python -m benchmarks.growth_scaling [--speed] [--growth] [--ranks] [--ensemble] [--pairs N]``;
all of it where nothing is asked for. Each case runs in a process of its own, on one thread.

The question: a ball of 8 mm radius in a box of voxels of 1 mm (six tetrahedra each), D 0.1 mm²/day,
rho 0.05 /day, 270 days, 30 fractions of 2 Gy on weekdays at 09:00 and five doses of a drug that
wears off, steps of 3 days at most (1 day at most between fractions). Goals, issue 6:

- ``--speed``, 205 379 unknowns: 5 CPU seconds after set-up, relative L2 difference 0.5 % to steps
  an eighth as long, 512 MB beside the mesh.
- ``--growth``: CPU per unknown and step within 20 % from 22 000 to 1 000 000 unknowns.
- ``--ranks``: two ranks 1.6 times as fast as one; ``--ensemble``: 64 members on two ranks 1.9 times
  as fast as on one, by turns, the best of each. What others do on the machine is in the wall time;
  a rank's CPU counts its waiting for the other too, and is what two cores of their own would take.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from solvers.contract import Event, Job
from solvers.meshfiles import array_hash
from solvers.refinement import Mesh

SPEED_NODES, MEMBER_NODES, MEMBERS = 59, 18, 64
SIZES: Final = (28, 59, 100)
"""Nodes along each side of the box."""
STEP_DAYS, DAYS = 3.0, 270.0
VALUES: Final = {
    "diffusion_mm2_per_day": 0.1,
    "proliferation_per_day": 0.05,
    "alpha_per_gy": 0.05,
    "alpha_beta_gy": 10.0,
    "sensitivity_per_day@drug": 0.5,
    "clearance_per_day@drug": 0.6,
}


def events() -> tuple[Event, ...]:
    """Return 30 fractions in six weeks from day 30, and five doses 28 days apart from day 120."""
    fractions = [
        Event("irradiate", 30.375 + 7 * week + day, 2.0) for week in range(6) for day in range(5)
    ]
    doses = [Event("infuse", 120.5 + 28.0 * dose, 1.0, agent="drug") for dose in range(5)]
    return (*fractions, *doses)


def box(nodes: int) -> Mesh:
    """Return a box of voxels of 1 mm with so many nodes along each side."""
    from solvers.voxelmesh import voxel_mesh

    return voxel_mesh(np.ones((nodes - 1,) * 3, np.uint8), np.eye(4))


def marched(nodes: int, step: float, ranks_share: bool) -> dict[str, Any]:
    """March one member; return what it took, after set-up and in all."""
    from mpi4py import MPI

    from solvers.course import Course
    from solvers.growth import growth_model
    from solvers.timeline import timeline

    mesh = box(nodes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    stops = timeline((DAYS,), events(), step)
    course = Course(mesh, stops, comm=MPI.COMM_WORLD if ranks_share else None)
    model = growth_model("fisher_kpp")
    member = course.member(model, VALUES, events())
    course.moves(member)
    away = np.linalg.norm(mesh.points_mm - mesh.points_mm.mean(axis=0), axis=1)
    start = model.profile(away - 8.0, 0.5, VALUES)
    MPI.COMM_WORLD.barrier()
    cpu, wall = time.process_time(), time.perf_counter()
    (state,) = course.march(member, start)
    taken, wall = time.process_time() - cpu, time.perf_counter() - wall
    (terrain,) = course.terrains
    return {
        "unknowns": len(mesh.points_mm),
        "setup_cpu_s": cpu - started,
        "cpu_s": taken,
        "wall_s": wall,
        "steps": terrain.steps,
        "iterations": terrain.iterations,
        "us_per_unknown_and_step": 1e6 * taken / terrain.steps / len(mesh.points_mm),
        "beside_mesh_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024.0,
        "density": state.density,
    }


def ensemble() -> dict[str, Any]:
    """Run a job of `MEMBERS` members on all ranks; return what it took."""
    from mpi4py import MPI

    from solvers.tumour import run

    mesh = box(MEMBER_NODES)
    away = np.linalg.norm(mesh.points_mm - mesh.points_mm.mean(axis=0), axis=1)
    arrays: dict[str, Any] = {
        "points_mm": mesh.points_mm,
        "tetrahedra": mesh.cells,
        "regions": mesh.regions,
        "density": 0.9 * np.exp(-((away / 4.0) ** 2)),
    }
    spread = np.random.default_rng(6).uniform(0.05, 0.2, MEMBERS)
    members = tuple({**VALUES, "diffusion_mm2_per_day": float(d)} for d in spread)
    settings: dict[str, Any] = {"days": (0.0, 90.0, DAYS), "step_days": STEP_DAYS, "edge_mm": 0.0}
    hashes = {name: array_hash(array) for name, array in arrays.items()}
    job = Job("tumour", "fisher_kpp", members, settings, events(), hashes)
    MPI.COMM_WORLD.barrier()
    cpu, wall = time.process_time(), time.perf_counter()
    found, _ = run(job, arrays, lambda _: None)
    return {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "mass_ml": float(found["mass_ml"].sum()),
    }


def measure(case: str, nodes: int, step: float) -> None:
    """Print what a case took as JSON; for ``speed`` also what a finer step changes."""
    from solvers.starting import prepare_process

    prepare_process()
    from mpi4py import MPI

    told = ensemble() if case == "ensemble" else marched(nodes, step, case == "ranks")
    density = told.pop("density", None)
    told["cpu_s"] = max(MPI.COMM_WORLD.allgather(told["cpu_s"]))
    if case == "speed":
        fine = marched(nodes, step / 8.0, False)["density"]
        told["difference"] = float(np.linalg.norm(density - fine) / np.linalg.norm(fine))
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(told), flush=True)


def told_by(case: str, nodes: int = 0, ranks: int = 1) -> dict[str, Any]:
    """Return what `measure` tells of a process, or of so many ranks, of its own."""
    own = [sys.executable, "-m", "benchmarks.growth_scaling", "--measure", case]
    own += ["--nodes", str(nodes)]
    mpiexec = [str(Path(sys.executable).with_name("mpiexec")), "-n", str(ranks)]
    command = own if ranks == 1 else [*mpiexec, *own]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


def speed() -> None:
    """Print time, memory and difference at 205 379 unknowns."""
    told = told_by("speed", SPEED_NODES)
    print(f"{told['unknowns']} unknowns, {told['steps']} steps, {told['iterations']} iterations:")
    print(f"  {told['cpu_s']:.2f} CPU s after set-up of {told['setup_cpu_s']:.2f} (goal 5)")
    print(f"  {100 * told['difference']:.4f} % from steps an eighth as long (goal 0.5)")
    print(f"  {told['beside_mesh_mb']:.0f} MB beside the mesh (goal 512)", flush=True)


def growth() -> None:
    """Print the cost per unknown and step of every size, and the largest over the smallest."""
    costs = []
    for nodes in SIZES:
        told = told_by("march", nodes)
        costs.append(told["us_per_unknown_and_step"])
        print(f"{told['unknowns']:8d} unknowns: {costs[-1]:.4f} µs each and step, "
              f"{told['iterations'] / told['steps']:.2f} iterations a step")  # fmt: skip
    print(f"largest over smallest cost: {max(costs) / min(costs):.2f} (goal 1.20)", flush=True)


def by_turns(case: str, pairs: int, goal: float, nodes: int = 0) -> None:
    """Print how much faster two ranks are than one, the best of each."""
    rows = [(told_by(case, nodes), told_by(case, nodes, 2)) for _ in range(pairs)]
    for one, two in rows:
        print(f"  {case}: one rank {one['wall_s']:.2f} s ({one['cpu_s']:.2f} CPU), "
              f"two {two['wall_s']:.2f} s ({two['cpu_s']:.2f} the busier), "
              f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    for told, name in (("wall_s", "wall"), ("cpu_s", "CPU of the busier rank")):
        best = [min(row[at][told] for row in rows) for at in (0, 1)]
        print(f"{case}: two ranks {best[0] / best[1]:.2f} times as fast by {name} (goal {goal})")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    names = ("speed", "growth", "ranks", "ensemble")
    for name in names:
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--measure", default="")
    parser.add_argument("--nodes", type=int, default=0)
    asked = parser.parse_args()
    if asked.measure:
        measure(asked.measure, asked.nodes, STEP_DAYS)
        return
    chosen = [name for name in names if getattr(asked, name)] or names
    if "speed" in chosen:
        speed()
    if "growth" in chosen:
        growth()
    if "ranks" in chosen:
        by_turns("ranks", asked.pairs, 1.6, SPEED_NODES)
    if "ensemble" in chosen:
        by_turns("ensemble", asked.pairs, 1.9)


if __name__ == "__main__":
    main()
