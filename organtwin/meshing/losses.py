"""Losses: pieces of structures that a mesh is too coarse to hold."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from organtwin.core.organmesh import LeftOut, OrganMesh
from organtwin.core.volume import to_index, to_lps, voxel_ml_of
from organtwin.meshing.places import place_of
from organtwin.meshing.solid import Solid
from organtwin.meshing.thickness import windows

EVERYWHERE = np.ones((3, 3, 3), dtype=int)


def losses(mesh: OrganMesh, solid: Solid) -> tuple[LeftOut, ...]:
    """Return, per structure, the pieces (voxels that touch) in which it has no tetrahedron.

    Only edges larger than voxels lose pieces; the largest one's place is said.
    """
    middles = mesh.points[mesh.tetrahedra].mean(axis=1)
    index = np.rint(to_index(solid.affine, middles)).astype(np.int64)
    index = np.clip(index, 0, np.array(solid.regions.shape) - 1)
    names = {s.label: s.name for s in solid.structures}
    found = []
    for label, window in windows(solid.regions):
        if label == 0:
            continue
        first = np.array([w.start for w in window])
        pieces, count = ndimage.label(solid.regions[window] == label, EVERYWHERE)
        at = index[mesh.regions == label] - first
        at = at[((at >= 0) & (at < pieces.shape)).all(axis=1)]
        lost = np.setdiff1d(np.arange(1, count + 1), pieces[tuple(at.T)])
        if len(lost):
            voxels = np.bincount(pieces.ravel())[lost]
            placed = solid.affine.copy()
            placed[:3, 3] = to_lps(solid.affine, first)
            place = place_of(pieces == lost[voxels.argmax()], placed)
            reason = f"pieces too small for the edges (the largest at {place})"
            volume_ml = float(voxels.sum()) * voxel_ml_of(solid.affine)
            found.append(LeftOut(names[label], volume_ml, reason))
    return tuple(found)
