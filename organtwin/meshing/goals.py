"""Goals: where each interface point of a mesh belongs on the smooth interfaces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.meshing.interfaces import Interfaces, area_vectors, unit

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
APART_MM = 1e6
MOST_LABELS = 7
ALONG = (0.0, 0.25, 0.5, 0.75, 1.0)


def meetings(point: Ints, label: Ints, count: int) -> tuple[Ints, Ints]:
    """Return (count,) a number for the set of labels that meet at each point, and how many.

    Args:
        point, label: (k,) pairs, each once.
    """
    order = np.lexsort((label, point))
    point, label = point[order], label[order]
    labels = np.bincount(point, minlength=count).astype(np.int64)
    start = np.cumsum(labels) - labels
    code = np.zeros(count, dtype=np.int64)
    for turn in range(min(MOST_LABELS, int(labels.max(initial=0)))):
        there = labels > turn
        code[there] = code[there] * 256 + label[start[there] + turn]
    return code * (MOST_LABELS + 1) + np.minimum(labels, MOST_LABELS), labels


def pair_codes(sides: Ints) -> Ints:
    """Return (n,) the number `meetings` gives for pairs of labels (n, 2)."""
    pair = np.sort(sides, axis=1)
    result: Ints = (pair[:, 0] * 256 + pair[:, 1]) * (MOST_LABELS + 1) + 2
    return result


class Goals:
    """Dense places on smooth interfaces, on their seams and at their junctions.

    A point between two labels belongs on the interface between just these, one where three meet on
    their seam, one where more meet at their junction. Places of different sets of labels are kept
    apart by a fourth coordinate, so that one tree serves all.

    Args:
        interfaces: smooth, at the resolution of the voxels.
    """

    def __init__(self, interfaces: Interfaces) -> None:
        parts = [_faces(interfaces), _seams(interfaces), _junctions(interfaces)]
        self.places = np.concatenate([part[0] for part in parts])
        self.directions = np.concatenate([part[1] for part in parts])
        codes = np.concatenate([part[2] for part in parts])
        self._known, self.kind = np.unique(codes, return_inverse=True)
        self.labels = codes % (MOST_LABELS + 1)
        pair = codes // (MOST_LABELS + 1)
        self.sides = np.stack([pair // 256 % 256, pair % 256], axis=1)
        self._tree = cKDTree(np.column_stack([self.places, self.kind * APART_MM]))

    def kinds_of(self, codes: Ints) -> Ints:
        """Return (n,) which kind of place each set of labels (see `meetings`) has, -1 for none."""
        near = np.minimum(np.searchsorted(self._known, codes), len(self._known) - 1)
        return np.where(self._known[near] == codes, near, -1)

    def distance(self, points: Floats, kinds: Ints) -> Floats:
        """Return (n,) how far points are from places of their kind; far where there is no kind."""
        return np.asarray(self._tree.query(np.column_stack([points, kinds * APART_MM]))[0])

    def nearest(self, points: Floats, kinds: Ints, labels: Ints, reach_mm: float) -> Floats:
        """Return (n, 3) where points belong: themselves where nothing is within reach.

        Args:
            kinds: (n,) as from `kinds_of`.
            labels: (n,) how many labels meet at each.
        """
        distance, near = self._tree.query(
            np.column_stack([points, kinds * APART_MM]), distance_upper_bound=reach_mm
        )
        found = np.isfinite(distance) & (kinds >= 0)
        near = np.where(found, near, 0)
        place, direction = self.places[near], self.directions[near]
        height = np.einsum("ij,ij->i", points - place, direction)[:, None] * direction
        goal = np.where((labels == 2)[:, None], points - height, place)
        goal = np.where((labels == 3)[:, None], place + height, goal)
        result: Floats = np.where(found[:, None], goal, points)
        return result


def _faces(interfaces: Interfaces) -> tuple[Floats, Floats, Ints]:
    corners = interfaces.points[interfaces.triangles]
    middle = corners.mean(axis=1)
    code = pair_codes(interfaces.sides)
    normals = unit(area_vectors(interfaces.points, interfaces.triangles))
    places = [middle, *(0.35 * middle + 0.65 * corners[:, corner] for corner in range(3))]
    return np.concatenate(places), np.tile(normals, (4, 1)), np.tile(code, 4)


def _seams(interfaces: Interfaces) -> tuple[Floats, Floats, Ints]:
    count = len(interfaces.points)
    edges = np.sort(interfaces.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    keys, edge = np.unique(edges[:, 0] * count + edges[:, 1], return_inverse=True)
    met = np.concatenate([edge * 256 + np.repeat(interfaces.sides[:, s], 3) for s in (0, 1)])
    met = np.unique(met)
    code, labels = meetings(met // 256, met % 256, len(keys))
    keys, code = keys[labels == 3], code[labels == 3]
    start, end = interfaces.points[keys // count], interfaces.points[keys % count]
    places = [start + share * (end - start) for share in ALONG]
    directions = np.tile(unit(end - start), (len(ALONG), 1))
    return np.concatenate(places), directions, np.tile(code, len(ALONG))


def _junctions(interfaces: Interfaces) -> tuple[Floats, Floats, Ints]:
    corners = interfaces.triangles.ravel()
    met = np.concatenate([corners * 256 + np.repeat(interfaces.sides[:, s], 3) for s in (0, 1)])
    met = np.unique(met)
    code, labels = meetings(met // 256, met % 256, len(interfaces.points))
    places = interfaces.points[labels >= 4]
    return places, np.zeros_like(places), code[labels >= 4]
