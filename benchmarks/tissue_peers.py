"""Tissue against its peers in one run: CalculiX and scikit-fem on the same mesh and law.

``python benchmarks/tissue_peers.py [--tetrahedra N] [--part P] [--json]`` meshes an organ of 13 cm
with a stiffer tumour (about 110 000 unknowns by default), applies weight and pressure from
zero, and prints CPU seconds, the ratio to ours, and how far displacements differ (relative L2 over
the nodes):

- Taylor-Hood (p2_p1) against scikit-fem's Taylor-Hood with a direct solver: the same elements.
- P2 against CalculiX's C3D10, which is P2 with four quadrature points.
- For information, plain Taylor-Hood, which keeps no part of the bulk modulus beside the pressure:
  how far the discretisations are apart on this mesh (both go to the same answer with finer ones).

Goals: 5 times less CPU than each; 0.1 % of difference. Exit status 1 when a goal is missed. A peer
that is not installed is named and counts as missed. One thread each.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import tissue_calculix, tissue_scikit_fem
from benchmarks.tissue_cases import LAWS, VALUES, Problem, organ, weight_and_pressure
from solvers.__main__ import prepare_process
from solvers.elements import element
from solvers.organ import Organ

LEAST_RATIO, MOST_DIFFERENCE = 5.0, 1e-3


@dataclass(frozen=True)
class Compared:
    """One peer beside our own element of the same kind."""

    peer: str
    element: str
    unknowns: int
    own_cpu_s: float
    peer_cpu_s: float
    difference: float

    @property
    def reached(self) -> bool:
        """Whether both goals are reached."""
        return (
            self.peer_cpu_s >= LEAST_RATIO * self.own_cpu_s and self.difference <= MOST_DIFFERENCE
        )

    def line(self) -> str:
        """One line for a person."""
        return (
            f"{self.element:6} {self.unknowns:8d} unknowns {self.own_cpu_s:7.1f} s CPU; "
            f"{self.peer:30} {self.peer_cpu_s:7.1f} s, {self.peer_cpu_s / self.own_cpu_s:5.1f} "
            f"times ours (goal {LEAST_RATIO:.0f}); displacement differs by "
            f"{100 * self.difference:.4f} % (goal {100 * MOST_DIFFERENCE:.1f}) "
            f"{'reached' if self.reached else 'MISSED'}"
        )


def main() -> int:
    """Solve with all and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tetrahedra", type=int, default=25_000)
    parser.add_argument("--part", type=float, default=0.3, help="of the full load")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    os.environ.setdefault("MKL_NUM_THREADS", "1")
    prepare_process()
    problem = organ(asked.tetrahedra)
    peers: dict[str, Callable[[], tuple[NDArray[np.float64], float, str]]] = {
        "p2": lambda: _calculix(problem, asked.part),
        "p2_p1": lambda: tissue_scikit_fem.solve(problem, asked.part),
    }
    results, failed = [], False
    for name, peer in peers.items():
        own, seconds, unknowns = solved(problem, name, asked.part)
        try:
            moved, theirs, who = peer()
        except (ImportError, RuntimeError, ArithmeticError, MemoryError) as error:
            failed = True
            print(f"{name}: no peer to compare with: {error}", file=sys.stderr)
            continue
        apart = float(np.linalg.norm(moved - own) / np.linalg.norm(own))
        results.append(Compared(who, name, unknowns, seconds, theirs, apart))
        if not asked.json:
            print(results[-1].line(), flush=True)
        if name == "p2_p1" and not asked.json:
            plain = tissue_scikit_fem.solve(problem, asked.part, kept=0.0)[0]
            apart = float(np.linalg.norm(plain - own) / np.linalg.norm(own))
            print(f"plain Taylor-Hood: displacement differs by {100 * apart:.3f} % (no goal)")
    if asked.json:
        print(json.dumps([asdict(r) | {"reached": r.reached} for r in results], indent=1))
    return int(failed or not all(result.reached for result in results))


def solved(problem: Problem, name: str, part: float) -> tuple[NDArray[np.float64], float, int]:
    """Return our displacement (n, 3) mm, CPU seconds from mesh to answer, and unknowns."""
    from mpi4py import MPI

    begun = time.process_time()
    held = Organ(problem.mesh, LAWS, element(name), problem.arrays, comm=MPI.COMM_SELF)
    moved = held.solve(VALUES, weight_and_pressure(part)).displacement_mm()
    return moved, time.process_time() - begun, held.fine.system.size


def _calculix(problem: Problem, part: float) -> tuple[NDArray[np.float64], float, str]:
    with tempfile.TemporaryDirectory() as folder:
        moved, seconds = tissue_calculix.solve(problem, Path(folder), part)
    return moved, seconds, "CalculiX, C3D10"


if __name__ == "__main__":
    sys.exit(main())
