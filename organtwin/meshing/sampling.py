"""Points on the interfaces: Poisson disks sized by thickness, evened out by Lloyd's rounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import Structure
from organtwin.meshing.interfaces import Interfaces, area_vectors, unit
from organtwin.meshing.sizefield import SizeField
from organtwin.meshing.sizes import Sizes

CANDIDATES_PER_POINT = 16.0
MOST_CANDIDATES = 2_000_000
DISK = 0.78
LLOYD_ROUNDS = 6
PROBES = 6
GRADING = 0.5
"""How many mm edges may grow per mm of distance."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Dense points on interfaces: (n, 3) LPS mm, unit normals (n, 3), sides (n, 2) as there."""

    points: NDArray[np.float64]
    normals: NDArray[np.float64]
    sides: NDArray[np.int64]


def spread(
    interfaces: Interfaces, edges_mm: NDArray[np.float64], rng: np.random.Generator
) -> Candidates:
    """Return points spread over the triangles, about 16 per square of the edge length.

    Args:
        edges_mm: (f,) the edge length wanted on each triangle.

    Raises:
        BadArgument: edges so short that there would be more than two million.
    """
    vectors = area_vectors(interfaces.points, interfaces.triangles)
    areas = np.linalg.norm(vectors, axis=1)
    share = np.cumsum(CANDIDATES_PER_POINT * areas / edges_mm**2)
    if share[-1] > MOST_CANDIDATES:
        raise BadArgument(
            f"edges of {edges_mm.min():.2f} mm and more ask for "
            f"{share[-1] / CANDIDATES_PER_POINT:.0f} points on the surfaces",
            where="Sizes",
            advice=f"at most {MOST_CANDIDATES / CANDIDATES_PER_POINT:.0f}: mesh with longer edges",
        )
    places = np.arange(rng.random(), share[-1], 1.0)
    chosen = np.minimum(np.searchsorted(share, places), len(share) - 1)
    u, v = rng.random((2, len(chosen), 1))
    flip = u + v > 1.0
    u, v = np.where(flip, 1.0 - u, u), np.where(flip, 1.0 - v, v)
    a, b, c = (interfaces.points[interfaces.triangles[chosen, i]] for i in range(3))
    normals = unit(vectors[chosen])
    return Candidates(a + u * (b - a) + v * (c - a), normals, interfaces.sides[chosen])


def size_field(
    interfaces: Interfaces,
    structures: tuple[Structure, ...],
    sizes: Sizes,
    rng: np.random.Generator,
) -> SizeField:
    """Return the edge length wanted everywhere, from kind and local thickness of the regions."""
    shortest, _ = _bounds(interfaces.sides, structures, sizes)
    seeds = spread(interfaces, 3.0 * shortest, rng)
    low, high = _bounds(seeds.sides, structures, sizes)
    radius = _thickness(seeds, high * sizes.edges_per_radius)
    wanted = np.clip(radius / sizes.edges_per_radius, low, high)
    return SizeField(seeds.points, wanted, sizes.organ_edge_mm, GRADING)


def _bounds(
    sides: NDArray[np.int64], structures: tuple[Structure, ...], sizes: Sizes
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    table = np.full((256, 2), sizes.organ_edge_mm)
    for structure in structures:
        shortest = max(sizes.smallest_edge_mm, sizes.least_mm(structure))
        table[structure.label] = shortest, sizes.edge_mm(structure)
    both = table[sides]
    return both[..., 0].min(axis=1), both[..., 1].min(axis=1)


def _thickness(seeds: Candidates, farthest_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n,) the smaller inner radius in mm of what lies on either side, up to a limit.

    Walking along the normal, the distance to the nearest seed grows until the medial axis; its
    largest value is the inner radius there. The outside counts too: narrow clefts need short edges.
    """
    tree = cKDTree(seeds.points)
    radius = farthest_mm.copy()
    for sign in (-1.0, 1.0):
        best = np.zeros(len(radius))
        for fraction in np.linspace(1.0 / PROBES, 1.0, PROBES):
            reach = sign * fraction * farthest_mm[:, None]
            distance, _ = tree.query(seeds.points + reach * seeds.normals)
            np.maximum(best, distance, out=best)
        np.minimum(radius, best, out=radius)
    return radius


def seams(interfaces: Interfaces) -> NDArray[np.float64]:
    """Return (s, 2, 3) the segments along which more than two interface triangles meet."""
    edges = np.sort(interfaces.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    owner = np.repeat(np.sort(interfaces.sides, axis=1), 3, axis=0)
    keys = edges[:, 0] * np.int64(len(interfaces.points)) + edges[:, 1]
    order = np.argsort(keys, kind="stable")
    keys, pairs = keys[order], owner[order, 0] * 256 + owner[order, 1]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    low, high = np.minimum.reduceat(pairs, starts), np.maximum.reduceat(pairs, starts)
    found = edges[order[starts[low != high]]]
    segments: NDArray[np.float64] = interfaces.points[found]
    return segments


def samples(
    interfaces: Interfaces, field: SizeField, rng: np.random.Generator
) -> tuple[NDArray[np.float64], Candidates]:
    """Return (n, 3) points on the interfaces spaced by the field, and the dense candidates.

    Seams, where three regions meet, are sampled first and stay where they are.
    """
    middle = interfaces.points[interfaces.triangles].mean(axis=1)
    dense = spread(interfaces, field.at(middle), rng)
    seam = _along(seams(interfaces), field, rng)
    points = np.concatenate([seam, dense.points])
    rank = np.concatenate(
        [rng.permutation(len(seam)), len(seam) + rng.permutation(len(dense.points))]
    )
    chosen = disks(points, DISK * field.at(points), rank)
    fixed = int((chosen < len(seam)).sum())
    return _evened(points[chosen], fixed, dense, field), dense


def _along(
    segments: NDArray[np.float64], field: SizeField, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return points spread along segments (s, 2, 3), about eight per edge length."""
    if len(segments) == 0:
        return np.zeros((0, 3))
    length = np.linalg.norm(segments[:, 1] - segments[:, 0], axis=1)
    share = np.cumsum(8.0 * length / field.at(segments.mean(axis=1)))
    places = np.arange(rng.random(), share[-1], 1.0)
    chosen = segments[np.minimum(np.searchsorted(share, places), len(share) - 1)]
    along = rng.random((len(chosen), 1))
    result: NDArray[np.float64] = chosen[:, 0] + along * (chosen[:, 1] - chosen[:, 0])
    return result


def disks(
    points: NDArray[np.float64], radii_mm: NDArray[np.float64], rank: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return sorted indices of a maximal subset with no two points nearer than their mean radius.

    The point of lowest rank among its remaining neighbours is taken, all such points at once
    (Luby 1986), until none remains: the same set as taking them one by one in order of rank.
    """
    pairs = cKDTree(points).query_pairs(float(radii_mm.max()), output_type="ndarray")
    gap = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    pairs = pairs[gap < 0.5 * radii_mm[pairs].sum(axis=1)]
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    open_, taken = np.ones(len(points), dtype=bool), np.zeros(len(points), dtype=bool)
    while open_.any():
        best = np.full(len(points), len(points), dtype=np.int64)
        np.minimum.at(best, pairs[:, 0], rank[pairs[:, 1]])
        winners = open_ & (rank < best)
        taken |= winners
        open_ &= ~winners
        open_[pairs[winners[pairs[:, 0]], 1]] = False
        pairs = pairs[open_[pairs[:, 0]] & open_[pairs[:, 1]]]
    return np.flatnonzero(taken)


def _evened(
    points: NDArray[np.float64], fixed: int, dense: Candidates, field: SizeField
) -> NDArray[np.float64]:
    """Return the points after Lloyd's rounds on the interface; the first `fixed` do not move."""
    tree = cKDTree(dense.points)
    weight = field.at(dense.points) ** -2.0
    moved = points.copy()
    for _ in range(LLOYD_ROUNDS):
        _, owner = cKDTree(moved).query(dense.points)
        mass = np.maximum(np.bincount(owner, weight, len(moved)), 1e-12)
        for axis in range(3):
            centre = np.bincount(owner, weight * dense.points[:, axis], len(moved)) / mass
            moved[fixed:, axis] = np.where(mass > 1e-9, centre, moved[:, axis])[fixed:]
        _, near = tree.query(moved[fixed:])
        normal = dense.normals[near]
        height = np.einsum("ij,ij->i", moved[fixed:] - dense.points[near], normal)
        moved[fixed:] -= height[:, None] * normal
    return moved
