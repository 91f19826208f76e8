"""Pieces of structures stay whole, apart and there, each with its own volume."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.meshing_cases import map_of
from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.meshing import Sizes, mesh_labels
from organtwin.meshing.pieces import parts_of, pieces_of

Voxels = np.ndarray


def with_vein() -> Voxels:
    """A block with a winding vein, one voxel wide, connected by faces."""
    voxels = np.ones((30, 20, 20), dtype=np.uint8)
    at = np.array([3, 5, 5])
    for step in np.random.default_rng(4).permutation([0] * 22 + [1] * 9 + [2] * 9):
        voxels[tuple(at)] = 2
        at[step] += 1
    return np.pad(voxels, 2)


def with_islands() -> LabelMap:
    voxels = np.zeros((40, 40, 20), dtype=np.uint8)
    voxels[2:14, 2:14, 2:14] = 1
    voxels[18:38:3, 2:38:3, 3:18:3] = 1
    return map_of(voxels, (1.0, 1.0, 1.0))


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 1.25)])
def test_that_a_vein_of_single_voxels_stays_in_one_piece(
    spacing: tuple[float, float, float],
) -> None:
    voxels = with_vein()
    assert ndimage.label(voxels == 2)[1] == 1
    _, quality = mesh_labels(map_of(voxels, spacing), Sizes(), Watch())
    assert [(r.pieces, r.watertight) for r in quality.regions] == [(1, True), (1, True)]


@pytest.mark.parametrize("smallest_mm", [0.0, 3.0])
def test_that_a_body_takes_no_volume_from_islands(smallest_mm: float) -> None:
    mesh, _ = mesh_labels(with_islands(), Sizes(smallest_edge_mm=smallest_mm), Watch())
    near = (mesh.points[mesh.tetrahedra].mean(axis=1) < 16.0).all(axis=1)
    assert mesh.volumes_mm3()[near].sum() == pytest.approx(12.0**3, rel=0.005)


def test_that_voxels_that_touch_at_an_edge_are_pieces_that_touch() -> None:
    voxels = np.zeros((4, 4, 4), dtype=np.uint8)
    voxels[1, 1, 1] = voxels[2, 2, 1] = voxels[3, 3, 2] = 1
    voxels[1, 1, 2] = 2
    pieces = pieces_of(voxels)
    assert pieces.labels.tolist() == [0, 1, 1, 1, 2]
    assert pieces.touching[1] == pieces.touching[2] == pieces.touching[3]
    voxels[2, 2, 1] = 0
    assert len(set(pieces_of(voxels).touching[1:3].tolist())) == 2


def test_that_cells_of_one_region_that_share_faces_are_one_part() -> None:
    cells = np.array([[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [5, 6, 7, 8]])
    found = parts_of(cells, np.array([1, 1, 2, 1]))
    assert found[0] == found[1]
    assert len(set(found[1:].tolist())) == 3
