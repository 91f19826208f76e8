"""The numbers and colours of a deformation, from the Simulation that found them. No Qt in here."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.organmesh import OrganMesh
from organtwin.core.parameter import interval
from organtwin.core.simulation import Simulation
from organtwin.simulating.uncertain import FAILED, too_many_failed

LEVEL: Final = 0.9


def told(simulation: Simulation, mesh: OrganMesh) -> dict[str, Any]:
    """Return the figures of a posture as JSON values.

    "figures" are name with unit → value (`organtwin.simulating.shifts`) at the medians of the
    priors, "intervals" name → (lower, upper) that hold 90 % of the "members", if there are any,
    "failed" how many more could not be solved ("intervals" are empty when too many could not),
    "volume_ml" the organ's at rest.
    """
    untold = too_many_failed(simulation)
    found = {name: np.asarray(values)[:, 0] for name, values in simulation.quantities.items()}
    members = max((len(values) for values in found.values()), default=1) - 1
    return {
        "figures": {name: float(values[0]) for name, values in found.items()},
        "intervals": {
            name: interval(values[1:], LEVEL)[[0, 2]].tolist()
            for name, values in found.items()
            if members > 1 and not untold
        },
        "failed": int(simulation.numbers.get(FAILED, 0.0)),
        "members": members,
        "volume_ml": float(mesh.volumes_mm3().sum()) / 1000.0,
    }


def stretches(mesh: OrganMesh, displacement_mm: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (n,) at each point how far tissue is stretched: length over length at rest, less one.

    The largest principal stretch of each tetrahedron, λ of FᵀF = λ² with F the gradient of the
    deformation (Bonet & Wood 2008, Nonlinear Continuum Mechanics for Finite Element Analysis,
    section 4.6); a point has the mean of its tetrahedra, by volume.
    """
    rest, now = (_edges(mesh, p) for p in (mesh.points, mesh.points + displacement_mm))
    gradient = now @ np.linalg.inv(rest)
    squared = np.linalg.eigvalsh(gradient.transpose(0, 2, 1) @ gradient)[:, 2]
    volumes, corners = np.repeat(mesh.volumes_mm3(), 4), mesh.tetrahedra.ravel()
    stretched = np.repeat(np.sqrt(squared) - 1.0, 4)
    summed = np.bincount(corners, volumes * stretched, len(mesh.points))
    result: NDArray[np.float64] = summed / np.bincount(corners, volumes, len(mesh.points))
    return result


def _edges(mesh: OrganMesh, points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (m, 3, 3): three edges of each tetrahedron as columns."""
    corners = np.asarray(points, np.float64)[mesh.tetrahedra]
    result: NDArray[np.float64] = (corners[:, 1:] - corners[:, :1]).transpose(0, 2, 1)
    return result
