"""What a deformation comes to in figures that a surgeon and a paper use: shifts, volume, strain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.organmesh import OrganMesh
from organtwin.simulating.warping import moved_landmarks

TAIL_PERCENT: Final = 1.0
"""Of the volume that is strained more than the strains told: single cells say more of the mesh."""
UNITS: Final = {"mm": "mm", "percent": "%"}
Floats = NDArray[np.float64]


def unit_of(figure: str) -> str:
    """Return the unit that a figure's name ends with, as printed."""
    return UNITS[figure.rpartition("_")[2]]


def shifts(
    mesh: OrganMesh,
    displacement_mm: NDArray[Any],
    organ: str,
    targets_mm: Sequence[Sequence[float]] = (),
) -> dict[str, float]:
    """Return figure with unit → value.

    Mean over the surface's area and largest shift of the surface; mean shift of the surface to the
    left, backwards and up; shift of each target; change of volume; the largest stretch and the
    largest shortening (principal strains, length over length at rest less one) that all but
    `TAIL_PERCENT` of the volume stay within.

    Args:
        displacement_mm: (n, 3) LPS mm.
        organ: name of the region whose surface and volume are meant.
        targets_mm: points of the tissue at rest, LPS mm.

    Raises:
        BadArgument: a target lies outside of the mesh.
        BadMesh: the deformed mesh is turned inside out.
    """
    moved = np.asarray(displacement_mm, np.float64)
    landed = moved_landmarks(_points(targets_mm), mesh, moved)
    if not landed.moved.all():
        place = _points(targets_mm)[np.argmin(landed.moved)]
        raise BadArgument(
            f"the target at {', '.join(f'{c:.1f}' for c in place)} mm is not in the mesh",
            where="target",
            advice="give a point inside the organ, LPS mm",
        )
    faces = mesh.surface(organ)
    mean = _over_area(mesh, faces, moved)
    lengths = np.linalg.norm(moved, axis=1)
    before, after = mesh.volumes_mm3(), _volumes(mesh.points + moved, mesh.tetrahedra)
    stretch, shortening = _strains(mesh, moved)
    targets = np.linalg.norm(landed.points_mm - _points(targets_mm), axis=1)
    return {
        "mean_shift_mm": float(_over_area(mesh, faces, lengths[:, None])[0]),
        "largest_shift_mm": float(lengths[np.unique(faces)].max()),
        "to_the_left_mm": float(mean[0]),
        "backwards_mm": float(mean[1]),
        "cranial_mm": float(mean[2]),
        **{f"target_{n + 1}_shift_mm": float(far) for n, far in enumerate(targets)},
        "volume_change_percent": float(100.0 * (after.sum() / before.sum() - 1.0)),
        "stretch_percent": 100.0 * _quantile(stretch, before, 1.0 - TAIL_PERCENT / 100.0),
        "shortening_percent": 100.0 * _quantile(shortening, before, TAIL_PERCENT / 100.0),
    }


def _points(targets_mm: Sequence[Sequence[float]]) -> Floats:
    return np.asarray(targets_mm, np.float64).reshape(-1, 3)


def _over_area(mesh: OrganMesh, faces: NDArray[np.int32], values: Floats) -> Floats:
    """Mean over the area of a surface of (n, k) values at the nodes."""
    a, b, c = (mesh.points[faces[:, i]] for i in range(3))
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    return np.asarray(np.average(values[faces].mean(axis=1), axis=0, weights=areas))


def _volumes(points: Floats, cells: NDArray[np.int32]) -> Floats:
    edges = points[cells[:, 1:]] - points[cells[:, :1]]
    return np.asarray(np.linalg.det(edges) / 6.0)


def _strains(mesh: OrganMesh, moved: Floats) -> tuple[Floats, Floats]:
    """Largest and smallest principal stretch less one, of each tetrahedron."""
    rest = mesh.points[mesh.tetrahedra[:, 1:]] - mesh.points[mesh.tetrahedra[:, :1]]
    shift = moved[mesh.tetrahedra[:, 1:]] - moved[mesh.tetrahedra[:, :1]]
    gradient = np.eye(3) + np.linalg.solve(rest, shift).swapaxes(1, 2)
    stretches = np.linalg.svd(gradient, compute_uv=False)
    return stretches[:, 0] - 1.0, stretches[:, 2] - 1.0


def _quantile(values: Floats, weights: Floats, level: float) -> float:
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][min(np.searchsorted(below, level * below[-1]), len(order) - 1)])
