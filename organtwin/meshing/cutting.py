"""Cutting: a mesh divided by a surface into remnant and specimen, in place.

Points near the surface go onto it (`warping`), edges that it still crosses are split there
(`splitting`, after the idea of isosurface stuffing, Labelle & Shewchuk 2007), and points around
the poorest tetrahedra are moved until their angles are better (`climbing`). Elements away from
the cut stay as they are; both parts share the faces of the cut, point by point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument, BadMesh
from organtwin.core.labelmap import Structure
from organtwin.core.organmesh import OrganMesh, dihedral_angles_deg
from organtwin.core.watch import Watch
from organtwin.meshing.climbing import climbed
from organtwin.meshing.relaxing import moved, shape_of
from organtwin.meshing.splitting import edges_of, split
from organtwin.meshing.warping import FLOOR_DEG, Distance, freedom, gradient, onto, warped

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WANTED_DEG = 15.0
GOOD_DEG = 8.0
SLACKS = (0.08, 0.2, 0.4)
"""Of a point's shortest edge: so far from the surface it may be taken as on it."""
TURNS = 3
ROUNDS = 10
BISECTIONS = 40


@dataclass(frozen=True, eq=False)
class Cut:
    """A mesh in two parts.

    Args:
        remnant: where the surface is positive.
        specimen: where it is negative.
        remnant_faces: (f, 3) int32, the triangles of the cut, indices into the remnant's points,
            normals out of it.
        specimen_faces: (f, 3) int32, the same triangles on the specimen, row by row.
        whole_ml: volume of the mesh before.
        min_dihedral_deg: smallest angle in both parts.
        off_mm: greatest distance of a point of the cut from the surface.
    """

    remnant: OrganMesh
    specimen: OrganMesh
    remnant_faces: NDArray[np.int32]
    specimen_faces: NDArray[np.int32]
    whole_ml: float
    min_dihedral_deg: float
    off_mm: float

    @property
    def volume_error_percent(self) -> float:
        """By how much both parts together are larger than the mesh before."""
        parts = sum(float(part.volumes_mm3().sum()) for part in (self.remnant, self.specimen))
        return 100.0 * (parts / 1000.0 / self.whole_ml - 1.0)


def cut(mesh: OrganMesh, surface: Distance, watch: Watch) -> Cut:
    """Divide a mesh by a surface; regions stay, a cut tumour is in both parts.

    Where the smallest angle stays below 8° the cut is made again with points farther from the
    surface taken as on it, twice at most, and the best is returned.

    Args:
        surface: signed distance in mm of points (n, 3) LPS mm, negative in the specimen, continuous
            (see `knives`); any function with such a sign and a slope of about one near zero will
            do.

    Raises:
        BadArgument: the surface leaves everything on one side.
        BadMesh: an element would be inverted.
        Stopped: the watch asked to stop.
    """
    watch.tell(0.0, "finding the cut")
    values = surface(mesh.points)
    if not ((values < 0).any() and (values > 0).any()):
        raise BadArgument("the cut leaves all of the mesh on one side", where="cut")
    allowed = freedom(mesh.points, mesh.interfaces()[0])
    best: Cut | None = None
    for number, slack in enumerate(SLACKS):
        part = watch.part(0.05 + 0.3 * number, 0.35 + 0.3 * number)
        try:
            found = _cut(mesh, surface, allowed, part, slack=slack)
        except BadArgument:  # with more slack a thin part may be lost
            if best is None:
                raise
            break
        if best is None or found.min_dihedral_deg > best.min_dihedral_deg:
            best = found
        if best.min_dihedral_deg >= GOOD_DEG:
            break
    if best is None:
        raise BadMesh("no cut was made", where="cut")
    watch.tell(1.0, f"smallest angle {best.min_dihedral_deg:.1f}°")
    return best


def _cut(mesh: OrganMesh, surface: Distance, allowed: Floats, watch: Watch, *, slack: float) -> Cut:
    watch.tell(0.0, "moving points to the cut")
    cells = mesh.tetrahedra.astype(np.int64)
    found = warped(mesh.points.copy(), cells, surface, allowed, slack=slack)
    watch.tell(0.3, "splitting tetrahedra")
    points, cells, parent = _divided(found.points, cells, found.values, surface)
    values = np.concatenate([found.values, np.zeros(len(points) - len(found.values))])
    labels = mesh.regions[parent], _beyond(points, cells, values, surface)
    watch.tell(0.5, "improving angles")
    points = _improved(points, cells, labels, surface)
    watch.tell(0.95, "parting")
    return _parted(mesh, surface, points, cells, labels=labels)


def cut_regions(mesh: OrganMesh, names: Sequence[str]) -> Cut:
    """Divide a mesh along its own interfaces: the specimen is the regions named, with all inside.

    Raises:
        BadArgument: no such region, or all of them.
    """
    labels = [label for name in names for label in mesh.labels_inside(name)]
    specimen = np.isin(mesh.regions, labels)
    cells = mesh.tetrahedra.astype(np.int64)
    return _parted(mesh, None, mesh.points, cells, labels=(mesh.regions, specimen))


def _divided(
    points: Floats, cells: Ints, values: Floats, surface: Distance
) -> tuple[Floats, Ints, Ints]:
    """Return points, cells and their parents after all edges are split that are crossed."""
    edges, _ = edges_of(cells, len(points))
    crossed = edges[values[edges[:, 0]] * values[edges[:, 1]] < 0.0]
    return split(points, cells, crossed, _roots(points, crossed, values, surface))


def _roots(points: Floats, edges: Ints, values: Floats, surface: Distance) -> Floats:
    """Return (k, 3) where the surface crosses edges: regula falsi (Illinois), to 1 µm."""
    start, end = points[edges[:, 0]], points[edges[:, 1]]
    low, high = np.zeros(len(edges)), np.ones(len(edges))
    at_low, at_high = values[edges[:, 0]].copy(), values[edges[:, 1]].copy()
    share = np.zeros(len(edges))
    for _ in range(BISECTIONS):
        share = (low * at_high - high * at_low) / (at_high - at_low)
        value = surface(start + share[:, None] * (end - start))
        if np.abs(value).max(initial=0.0) < 1e-3 * 1e-3:
            break
        left = value * at_low > 0
        at_high = np.where(left, at_high * 0.5, value)
        at_low = np.where(left, value, at_low * 0.5)
        low, high = np.where(left, share, low), np.where(left, high, share)
    share = np.clip(share, 0.05, 0.95)
    result: Floats = start + share[:, None] * (end - start)
    return result


def _beyond(points: Floats, cells: Ints, values: Floats, surface: Distance) -> NDArray[np.bool_]:
    """Return (m,) which tetrahedra belong to the specimen."""
    side = np.sign(values)[cells].sum(axis=1)
    flat = np.flatnonzero(side == 0)
    side[flat] = np.sign(surface(points[cells[flat]].mean(axis=1)))
    result: NDArray[np.bool_] = side < 0
    return result


def _improved(
    points: Floats,
    cells: Ints,
    labels: tuple[NDArray[np.int32], NDArray[np.bool_]],
    surface: Distance,
) -> Floats:
    """Return points moved until angles near the cut are good; those of the cut stay on it."""
    regions, specimen = labels
    on_cut = np.unique(_interfaces(points, cells, specimen.astype(np.int32) + 1, inner=True)[0])
    whole = _interfaces(points, cells, regions)[0]
    allowed = freedom(points, whole)
    pull = np.zeros_like(points)
    bound = allowed.copy()

    def settle(places: Floats, chosen: Ints) -> Floats:
        return places - surface(places)[:, None] * pull[chosen]

    for _ in range(TURNS):
        shape = shape_of(points, cells)
        to = points.copy()
        to[on_cut] = onto(surface, points[on_cut], allowed[on_cut])
        points = moved(shape, to, FLOOR_DEG).points
        slope = np.einsum("nij,nj->ni", allowed[on_cut], gradient(surface, points[on_cut]))
        square = (slope**2).sum(axis=1)[:, None]
        pull[on_cut] = np.where(square > 0.01, slope / np.maximum(square, 0.01), 0.0)
        along = slope[:, :, None] * slope[:, None, :] / np.maximum(square, 1e-12)[:, :, None]
        bound[on_cut] = np.where(square[:, :, None] > 0.01, allowed[on_cut] - along, 0.0)
        points = climbed(points, cells, bound, settle, until_deg=WANTED_DEG, rounds=ROUNDS)
    return points


def _interfaces(
    points: Floats, cells: Ints, labels: NDArray[np.int32], *, inner: bool = False
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the triangles between labels, of all or of those with labels on both sides."""
    triangles, sides = OrganMesh(points, cells.astype(np.int32), labels, ()).interfaces()
    kept = sides[:, 1] > 0 if inner else np.ones(len(sides), dtype=bool)
    return triangles[kept], sides[kept]


def _parted(
    mesh: OrganMesh,
    surface: Distance | None,
    points: Floats,
    cells: Ints,
    *,
    labels: tuple[NDArray[np.int32], NDArray[np.bool_]],
) -> Cut:
    regions, specimen = labels
    triangles, _ = _interfaces(points, cells, specimen.astype(np.int32) + 1, inner=True)
    if specimen.all() or not specimen.any():
        raise BadArgument(
            "one part has no elements: the cut misses the mesh, or is thinner than its elements",
            where="cut",
            advice="move the cut, or mesh with smaller edges",
        )
    remnant, remnant_faces = _part(
        mesh, points, cells, (regions, ~specimen), faces=triangles[:, ::-1]
    )
    rest, specimen_faces = _part(mesh, points, cells, (regions, specimen), faces=triangles)
    parts = (remnant, rest)
    worst = min(float(dihedral_angles_deg(part).min()) for part in parts)
    on_cut = points[np.unique(triangles)]
    off = float(np.abs(surface(on_cut)).max()) if surface and len(on_cut) else 0.0
    whole_ml = float(mesh.volumes_mm3().sum()) / 1000.0
    return Cut(remnant, rest, remnant_faces, specimen_faces, whole_ml, worst, off)


def _part(
    mesh: OrganMesh,
    points: Floats,
    cells: Ints,
    labels: tuple[NDArray[np.int32], NDArray[np.bool_]],
    *,
    faces: NDArray[np.int32],
) -> tuple[OrganMesh, NDArray[np.int32]]:
    """Return the mesh of some of the cells with its own points, and faces (f, 3) on these."""
    regions, mine = labels
    used, index = np.unique(cells[mine], return_inverse=True)
    place = np.zeros(len(points), dtype=np.int32)
    place[used] = np.arange(len(used))
    found = regions[mine]
    tetrahedra = index.reshape(-1, 4).astype(np.int32)
    part = OrganMesh(points[used], tetrahedra, found, _left(mesh, found))
    return part, np.asarray(place[faces], dtype=np.int32)


def _left(mesh: OrganMesh, regions: NDArray[np.int32]) -> tuple[Structure, ...]:
    """Return the structures that have a region left, each within the next one that is left."""
    present = set(np.unique(regions).tolist())
    kept = {s.name: s for s in mesh.structures if s.label in present}
    within = {s.name: s.within for s in mesh.structures}
    found = []
    for structure in kept.values():
        outer = structure.within
        while outer and outer not in kept:
            outer = within.get(outer, "")
        found.append(replace(structure, within=outer))
    return tuple(found)
