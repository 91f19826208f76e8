"""The numbers of a deformation as a surgeon reads them. No Qt in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.organmesh import OrganMesh
from organtwin.core.parameter import interval

Figures = Mapping[str, Any]
LEVEL: Final = 0.9
MOST: Final = 0.99


def strains(mesh: OrganMesh, displacement_mm: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (m,) the largest principal Green-Lagrange strain of each tetrahedron (1).

    E = (FᵀF - I)/2 with F the gradient of the deformation, constant in a tetrahedron (Bonet & Wood
    2008, Nonlinear Continuum Mechanics for Finite Element Analysis, section 4.5).
    """
    rest, now = (_edges(mesh, p) for p in (mesh.points, mesh.points + displacement_mm))
    gradient = now @ np.linalg.inv(rest)
    green = (gradient.transpose(0, 2, 1) @ gradient - np.eye(3)) / 2.0
    result: NDArray[np.float64] = np.linalg.eigvalsh(green)[:, 2]
    return result


def at_points(mesh: OrganMesh, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n,) at each point the mean of its tetrahedra's values (m,), by volume."""
    volumes, corners = np.repeat(mesh.volumes_mm3(), 4), mesh.tetrahedra.ravel()
    summed = np.bincount(corners, volumes * np.repeat(values, 4), len(mesh.points))
    result: NDArray[np.float64] = summed / np.bincount(corners, volumes, len(mesh.points))
    return result


def figures(
    mesh: OrganMesh, displacement_mm: NDArray[np.floating], strain: NDArray[np.float64]
) -> Figures:
    """Return the numbers of one answer as JSON values.

    "mean_mm" and "largest_mm" of the displacement (mean by volume), "volume_ml" at rest,
    "volume_percent" its change, "strain_percent" the largest of `strain` (m,), "strain_in" the
    structure and "strain_at_mm" (LPS) where that is, "most_strain_percent" what 99 % of the tissue
    stays below, "tumours" name → (3,) mean displacement.
    """
    volumes = mesh.volumes_mm3()
    moved = np.asarray(displacement_mm, np.float64)[mesh.tetrahedra].mean(axis=1)
    now = float(np.linalg.det(_edges(mesh, mesh.points + displacement_mm)).sum()) / 6.0
    worst = int(np.argmax(strain))
    label = int(mesh.regions[worst])
    return {
        "mean_mm": float(np.average(np.linalg.norm(moved, axis=1), weights=volumes)),
        "largest_mm": float(np.linalg.norm(displacement_mm, axis=1).max()),
        "volume_ml": float(volumes.sum()) / 1000.0,
        "volume_percent": 100.0 * (now / float(volumes.sum()) - 1.0),
        "strain_percent": 100.0 * float(strain[worst]),
        "most_strain_percent": 100.0 * _below(strain, volumes),
        "strain_in": next(s.name for s in mesh.structures if s.label == label),
        "strain_at_mm": mesh.points[mesh.tetrahedra[worst]].mean(axis=0).tolist(),
        "tumours": {
            s.name: np.average(
                moved[mesh.regions == s.label], axis=0, weights=volumes[mesh.regions == s.label]
            ).tolist()
            for s in mesh.structures
            if s.kind == "tumour"
        },
    }


def spread(members: Sequence[Figures]) -> Figures:
    """Return the numbers of an ensemble: means, and under "intervals" name → (lower, upper).

    Intervals are central and hold 90 % of the members; none for a single one.
    """
    names = [name for name, value in members[0].items() if isinstance(value, float)]
    worst = max(members, key=lambda one: one["strain_percent"])
    tumours = {
        name: np.mean([one["tumours"][name] for one in members], axis=0).tolist()
        for name in members[0]["tumours"]
    }
    values = {name: np.array([one[name] for one in members]) for name in names}
    moved = {
        name: np.array([np.linalg.norm(one["tumours"][name]) for one in members])
        for name in tumours
    }
    several = len(members) > 1
    return {
        **worst,
        **{name: float(value.mean()) for name, value in values.items()},
        "tumours": tumours,
        "members": len(members),
        "intervals": {
            name: interval(value, LEVEL)[[0, 2]].tolist()
            for name, value in {**values, **moved}.items()
            if several
        },
    }


def _below(strain: NDArray[np.float64], volumes: NDArray[np.float64]) -> float:
    """Return what `MOST` of the volume stays below."""
    order = np.argsort(strain)
    filled = np.cumsum(volumes[order])
    return float(strain[order[np.searchsorted(filled, MOST * filled[-1])]])


def _edges(mesh: OrganMesh, points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (m, 3, 3): three edges of each tetrahedron as columns."""
    corners = np.asarray(points, np.float64)[mesh.tetrahedra]
    result: NDArray[np.float64] = (corners[:, 1:] - corners[:, :1]).transpose(0, 2, 1)
    return result
