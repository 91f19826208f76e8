"""What a mesh is worth: checks it must pass, and its figures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from organtwin.core.errors import BadMesh
from organtwin.core.labelmap import LabelMap, Structure
from organtwin.core.organmesh import (
    FACES,
    LeftOut,
    MeshQuality,
    OrganMesh,
    RegionFigures,
    WorstElement,
    dihedral_angles_deg,
)
from organtwin.core.volume import spacing_of, to_lps
from organtwin.meshing.distances import apart
from organtwin.meshing.places import place_of
from organtwin.meshing.shells import shell_defects

FEWEST_CELLS = 8
WORST = 20
LEAST_DEG = 8.0
MOST_FROM_15_PERCENT = 99.9
VOLUME_PERCENT = 1.0
HAUSDORFF_VOXELS = 1.0
HISTOGRAM_DEG = np.arange(0.0, 76.0, 5.0)


def checked(mesh: OrganMesh, labels: LabelMap | None = None) -> OrganMesh:
    """Return the mesh if a solver can trust it.

    Args:
        labels: what it was made of, to say where a region that is missing should be.

    Raises:
        BadMesh: a region has fewer than 8 cells; a point belongs to no tetrahedron.
    """
    cells = np.bincount(mesh.regions, minlength=256)
    for structure in mesh.structures:
        count = int(cells[structure.label])
        if count < FEWEST_CELLS and (labels is None or (labels.labels == structure.label).any()):
            raise BadMesh(
                f"the region {structure.name} has {count} cell{'' if count == 1 else 's'}; "
                f"{FEWEST_CELLS} is the least a solver can trust",
                where=_where(structure, labels),
                advice=f"mesh with smaller edges, or remove {structure.name} from the labels",
            )
    if len(np.unique(mesh.tetrahedra)) != len(mesh.points):
        raise BadMesh("a point belongs to no tetrahedron", where="mesh")
    return mesh


def _where(structure: Structure, labels: LabelMap | None) -> str:
    if labels is None:
        return "mesh"
    return f"{structure.name}, {place_of(labels.labels == structure.label, labels.affine)}"


def keeps_promises(quality: MeshQuality) -> bool:
    """Return whether a mesh is as well shaped and as near its labels as every mesh shall be."""
    return (
        quality.min_dihedral_deg >= LEAST_DEG
        and quality.from_15_deg_percent >= MOST_FROM_15_PERCENT
        and all(
            abs(region.error_percent) <= VOLUME_PERCENT
            and region.hausdorff95_voxels <= HAUSDORFF_VOXELS
            and region.watertight
            for region in quality.regions
        )
    )


def quality_of(
    mesh: OrganMesh, labels: LabelMap, left_out: tuple[LeftOut, ...] = (), route: str = ""
) -> MeshQuality:
    """Return the figures of a mesh.

    Args:
        labels: what the mesh stands for; volumes and surfaces are compared with these voxels.
        left_out: what of the labels given by a person is not in them.
        route: how the mesh was made.
    """
    angles = dihedral_angles_deg(mesh).min(axis=1)
    regions = tuple(_figures(mesh, labels, s.name) for s in mesh.structures)
    return MeshQuality(
        points=len(mesh.points),
        tetrahedra=len(mesh.tetrahedra),
        min_dihedral_deg=float(angles.min()),
        below_10_deg_percent=100.0 * float((angles < 10.0).mean()),
        edge_median_mm=float(np.median(edge_lengths_mm(mesh))),
        volume_error_percent=tuple((r.name, r.error_percent) for r in regions),
        from_15_deg_percent=100.0 * float((angles >= 15.0).mean()),
        histogram=tuple(np.histogram(angles, HISTOGRAM_DEG)[0].tolist()),
        worst=_worst(mesh, angles),
        regions=regions,
        left_out=left_out,
        route=route,
    )


def _worst(mesh: OrganMesh, angles: NDArray[np.float64]) -> tuple[WorstElement, ...]:
    names = {s.label: s.name for s in mesh.structures}
    chosen = np.argsort(angles, kind="stable")[:WORST]
    middles = mesh.points[mesh.tetrahedra[chosen]].mean(axis=1)
    return tuple(
        WorstElement(cell, float(angles[cell]), (x, y, z), names[int(mesh.regions[cell])])
        for cell, (x, y, z) in zip(chosen.tolist(), middles.tolist(), strict=True)
    )


def _figures(mesh: OrganMesh, labels: LabelMap, name: str) -> RegionFigures:
    """Return the figures of one structure with everything inside it."""
    surface = mesh.surface(name)
    window = _window(labels.mask(name))
    placed = labels.affine.copy()
    placed[:3, 3] = to_lps(labels.affine, np.array([w.start for w in window], dtype=float))
    distances = apart(mesh.points, surface, labels.mask(name)[window], placed)
    voxels_ml, mesh_ml = labels.volume_ml(name), mesh.volume_ml(name)
    edges, points = shell_defects(np.asarray(surface, dtype=np.int64), len(mesh.points))
    return RegionFigures(
        name=name,
        voxels_ml=voxels_ml,
        mesh_ml=mesh_ml,
        error_percent=100.0 * (mesh_ml / voxels_ml - 1.0),
        hausdorff95_mm=distances.hausdorff95_mm,
        hausdorff95_voxels=distances.hausdorff95_mm / max(spacing_of(labels.affine)),
        mean_distance_mm=distances.mean_mm,
        pieces=_pieces(mesh, name),
        watertight=_watertight(surface),
        pinches=len(edges) + len(points),
    )


def _window(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    window = []
    for axis in range(3):
        used = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        window.append(slice(int(used[0]), int(used[-1]) + 1))
    return tuple(window)


def _watertight(surface: NDArray[np.int32]) -> bool:
    edges = np.sort(surface[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1).astype(np.int64)
    _, counts = np.unique(edges[:, 0] << 32 | edges[:, 1], return_counts=True)
    return bool((counts % 2 == 0).all())


def _pieces(mesh: OrganMesh, name: str) -> int:
    """Return how many parts, connected by faces, a structure with everything inside it has."""
    cells = mesh.tetrahedra[np.isin(mesh.regions, mesh.labels_inside(name))].astype(np.int64)
    faces = np.sort(cells[:, FACES].reshape(-1, 3), axis=1)
    keys = (faces[:, 0] * len(mesh.points) + faces[:, 1]) * len(mesh.points) + faces[:, 2]
    place = np.argsort(keys, kind="stable")
    shared = np.flatnonzero(keys[place[:-1]] == keys[place[1:]])
    first, second = place[shared] // 4, place[shared + 1] // 4
    graph = coo_matrix((np.ones(len(first)), (first, second)), shape=(len(cells),) * 2)
    return int(connected_components(graph, directed=False)[0])


def edge_lengths_mm(mesh: OrganMesh) -> NDArray[np.float64]:
    """Return (e,) the length in mm of each edge."""
    pairs = mesh.tetrahedra[:, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]].reshape(-1, 2)
    edges = np.unique(np.sort(pairs, axis=1), axis=0)
    result: NDArray[np.float64] = np.linalg.norm(
        mesh.points[edges[:, 0]] - mesh.points[edges[:, 1]], axis=1
    )
    return result
