"""Meshes and job folders for the solver tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Event, Job, Result
from solvers.meshfiles import array_hash
from solvers.refinement import Mesh


def box_mesh(size: Sequence[float], counts: Sequence[int], jitter: float = 0.0) -> Mesh:
    """A box [0, size] mm in counts³ bricks of six tetrahedra, inner nodes moved at random."""
    from dolfinx.mesh import create_box
    from mpi4py import MPI

    grid = create_box(MPI.COMM_SELF, [[0.0, 0.0, 0.0], list(size)], list(counts))
    points = grid.geometry.x.copy()
    inner = ((points > 1e-9) & (points < np.array(size) - 1e-9)).all(axis=1)
    spacing = np.array(size) / np.array(counts)
    random = np.random.default_rng(3).uniform(-jitter, jitter, points.shape)
    points += inner[:, None] * random * spacing
    cells = grid.geometry.dofmaps[0].astype(np.int32)
    return Mesh(points, cells, np.ones(len(cells), np.int32))


def mesh_arrays(mesh: Mesh) -> dict[str, NDArray[Any]]:
    return {"points_mm": mesh.points_mm, "tetrahedra": mesh.cells, "regions": mesh.regions}


def ball_distance(centre: Sequence[float], radius: float, reach: float) -> dict[str, NDArray[Any]]:
    """The arrays distance_mm and distance_affine of a ball, on a grid of 1 mm."""
    axis = np.arange(-reach, reach + 0.5)
    offset = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    affine = np.eye(4)
    affine[:3, 3] = np.array(centre) - reach
    distance = (np.linalg.norm(offset, axis=-1) - radius).astype(np.float32)
    return {"distance_mm": distance, "distance_affine": affine}


def write_job(
    folder: Path,
    kind: Any,
    model: str,
    *,
    members: Sequence[Mapping[str, float]],
    arrays: Mapping[str, NDArray[Any]],
    settings: Mapping[str, Any],
    events: Sequence[Event] = (),
) -> Job:
    folder.mkdir(exist_ok=True)
    np.savez(folder / "input.npz", **dict(arrays))
    hashes = {name: array_hash(array) for name, array in arrays.items()}
    job = Job(kind, model, tuple(members), dict(settings), tuple(events), hashes)
    (folder / "job.json").write_text(job.to_json(), encoding="utf-8")
    return job


def start_job(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "solvers", "run", str(folder)], stdout=subprocess.PIPE, text=True
    )


def result_of(folder: Path) -> Result:
    return Result.from_json((folder / "result.json").read_text(encoding="utf-8"))


def outputs(folder: Path) -> dict[str, NDArray[Any]]:
    with np.load(folder / "output.npz") as file:
        return dict(file)
