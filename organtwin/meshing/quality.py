"""What a mesh is worth: checks it must pass, and its figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import BadMesh
from organtwin.core.labelmap import LabelMap, Structure
from organtwin.core.organmesh import (
    LeftOut,
    MeshQuality,
    OrganMesh,
    RegionFigures,
    WorstElement,
    dihedral_angles_deg,
)
from organtwin.core.volume import spacing_of, to_lps
from organtwin.meshing.distances import apart
from organtwin.meshing.keeping import Kept, kept
from organtwin.meshing.pieces import Pieces, parts_of, pieces_of
from organtwin.meshing.pinches import Pinches
from organtwin.meshing.places import place_of
from organtwin.meshing.promises import missed_by
from organtwin.meshing.shells import shell_defects

FEWEST_CELLS = 8
WORST = 20
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


def quality_of(mesh: OrganMesh, labels: LabelMap, *, left_out: tuple[LeftOut, ...] = (),
               missed: tuple[str, ...] = (), route: str = "", pieces: Pieces | None = None
               ) -> MeshQuality:  # fmt: skip
    """Return the figures of a mesh.

    Args:
        labels: what the mesh stands for; volumes and surfaces are compared with these voxels.
        left_out: what of the labels given by a person is not in them.
        missed: what is known to be missed already.
        route: how the mesh was made.
        pieces: of the labels' voxels, where they are known.
    """
    angles = dihedral_angles_deg(mesh).min(axis=1)
    fate = kept(mesh, pieces or pieces_of(labels.labels), labels.affine)
    regions = tuple(_figures(mesh, labels, s, fate) for s in mesh.structures)
    found = MeshQuality(
        points=len(mesh.points),
        tetrahedra=len(mesh.tetrahedra),
        min_dihedral_deg=float(angles.min()),
        below_10_deg_percent=100.0 * float((angles < 10.0).mean()),
        edge_median_mm=float(np.median(edge_lengths_mm(mesh.points, mesh.tetrahedra))),
        volume_error_percent=tuple((r.name, r.error_percent) for r in regions),
        from_15_deg_percent=100.0 * float((angles >= 15.0).mean()),
        histogram=tuple(np.histogram(angles, HISTOGRAM_DEG)[0].tolist()),
        worst=_worst(mesh, angles),
        regions=regions,
        left_out=(*left_out, *fate.left_out),
        route=route,
    )
    return replace(found, missed=(*missed, *missed_by(found), *fate.missed))


def _worst(mesh: OrganMesh, angles: NDArray[np.float64]) -> tuple[WorstElement, ...]:
    names = {s.label: s.name for s in mesh.structures}
    chosen = np.argsort(angles, kind="stable")[:WORST]
    middles = mesh.points[mesh.tetrahedra[chosen]].mean(axis=1)
    return tuple(
        WorstElement(cell, float(angles[cell]), (x, y, z), names[int(mesh.regions[cell])])
        for cell, (x, y, z) in zip(chosen.tolist(), middles.tolist(), strict=True)
    )


def _figures(mesh: OrganMesh, labels: LabelMap, structure: Structure, fate: Kept) -> RegionFigures:
    """Return the figures of one structure with everything inside it."""
    name = structure.name
    surface = mesh.surface(name)
    mask = labels.mask(name)
    window = _window(mask)
    inside = mask[window]
    placed = labels.affine.copy()
    placed[:3, 3] = to_lps(labels.affine, np.array([w.start for w in window], dtype=float))
    distances = apart(mesh.points, surface, inside, placed)
    voxels_ml, mesh_ml = labels.volume_ml(name), mesh.volume_ml(name)
    edges, points = shell_defects(np.asarray(surface, dtype=np.int64), len(mesh.points))
    pinches = mesh.points[np.concatenate([edges[:, 0], points])]
    cells = mesh.tetrahedra[np.isin(mesh.regions, mesh.labels_inside(name))]
    return RegionFigures(
        name=name,
        voxels_ml=voxels_ml,
        mesh_ml=mesh_ml,
        error_percent=100.0 * (mesh_ml / voxels_ml - 1.0),
        hausdorff95_mm=distances.hausdorff95_mm,
        hausdorff95_voxels=distances.hausdorff95_mm / max(spacing_of(labels.affine)),
        mean_distance_mm=distances.mean_mm,
        pieces=int(parts_of(cells, np.zeros(len(cells), dtype=np.int64)).max()),
        watertight=len(edges) == 0,
        pinches=len(pinches),
        edge_median_mm=float(np.median(edge_lengths_mm(mesh.points, cells))),
        voxel_pieces=int(ndimage.label(inside)[1]),
        worst_piece_percent=fate.worst_percent[structure.label],
        voxels_touch=len(edges) > 0 and _touches(inside),
        farthest_mm=distances.farthest_mm,
        pinch_mm=tuple(pinches[0].tolist()) if len(pinches) else (),
    )


def _touches(mask: NDArray[np.bool_]) -> bool:
    """Return whether the surface of a mask's voxels touches itself along an edge or at a corner."""
    return len(Pinches([(1,)]).of(np.pad(mask, 1).astype(np.uint8))) > 0


def _window(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    window = []
    for axis in range(3):
        used = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        window.append(slice(int(used[0]), int(used[-1]) + 1))
    return tuple(window)


def edge_lengths_mm(
    points: NDArray[np.float64], tetrahedra: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Return (e,) the length in mm of each edge."""
    pairs = tetrahedra[:, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]].reshape(-1, 2)
    ends = np.sort(pairs, axis=1).astype(np.int64)
    keys = np.unique(ends[:, 0] << 32 | ends[:, 1])
    result: NDArray[np.float64] = np.linalg.norm(
        points[keys >> 32] - points[keys & 0xFFFFFFFF], axis=1
    )
    return result
