"""Organs under loads, for the tests of loads and contacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.deformation import SETTINGS
from solvers.elements import ACCURATE
from solvers.organ import Level, Organ
from solvers.refinement import Mesh

MU = 2.14
SOFT = {1: {"shear_modulus_kpa": MU, "poisson_ratio": 0.49}}
FIRM = {1: {"shear_modulus_kpa": MU, "poisson_ratio": 0.5}}
NONE: dict[str, Any] = {s.parameter.name: np.zeros(s.length).squeeze() for s in SETTINGS}
Arrays = Mapping[str, NDArray[Any]]


def organ(mesh: Mesh, arrays: Arrays, *, comm: Any = None) -> Organ:
    from mpi4py import MPI

    laws = dict.fromkeys(np.unique(mesh.regions).tolist(), "neo_hookean")
    return Organ(mesh, laws, ACCURATE, arrays, comm=comm or MPI.COMM_SELF)


def solved(mesh: Mesh, arrays: Arrays, given: Mapping[str, Any], values: Any = SOFT) -> Level:
    return organ(mesh, arrays).solve(values, {**NONE, "contact_tolerance_mm": 0.005, **given})


def ball_surface(name: str, centre: NDArray[np.float64], radius: float) -> dict[str, NDArray[Any]]:
    """The distance to a ball, on a grid of 1 mm."""
    axis = np.arange(-radius - 2.0, radius + 2.5)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    affine = np.eye(4)
    affine[:3, 3] = centre + axis[0]
    distance = (np.linalg.norm(grid, axis=-1) - radius).astype(np.float32)
    return {f"{name}_distance_mm": distance, f"{name}_distance_affine": affine}
