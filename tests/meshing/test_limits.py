"""Limits and margins: what a mesh gives up when it may not be larger, and where it stays fine."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from benchmarks.meshing_cases import structure
from organtwin.core.labelmap import LabelMap
from organtwin.core.organmesh import OrganMesh
from organtwin.core.watch import Watch
from organtwin.meshing import Sizes, mesh_labels

MIDDLE_MM, RADIUS_MM = np.array([30.0, 30.0, 30.0]), 8.0


@cache
def block() -> LabelMap:
    """A block of 60 mm with a ball as tumour and a branched vessel, one voxel of 2 mm wide."""
    voxels = np.ones((30, 30, 30), dtype=np.uint8, order="F")
    at = 2.0 * np.moveaxis(np.indices(voxels.shape), 0, -1)
    voxels[((at - MIDDLE_MM) ** 2).sum(-1) < RADIUS_MM**2] = 101
    voxels[3, 3, 3:27] = voxels[3, 3:27, 9] = voxels[3, 9, 3:27] = voxels[3:27, 3, 15] = 2
    parts = (
        structure("liver", 1, "organ"),
        structure("vein", 2, "vessel", "liver"),
        structure("tumour", 101, "tumour", "liver"),
    )
    return LabelMap(voxels, np.diag([2.0, 2.0, 2.0, 1.0]), parts)


def largest_beside_the_tumour_mm3(mesh: OrganMesh) -> float:
    middles = mesh.points[mesh.tetrahedra].mean(axis=1)
    off = np.linalg.norm(middles - MIDDLE_MM, axis=1) - RADIUS_MM
    return float(mesh.volumes_mm3()[(mesh.regions == 1) & (off > 2.0) & (off < 6.0)].max())


def test_that_edges_stay_those_of_tumours_up_to_a_margin_around_them() -> None:
    plain, wide = (
        mesh_labels(block(), Sizes(most_tetrahedra=0, margin_mm=margin), Watch())[0]
        for margin in (0.0, 8.0)
    )
    inside = float(wide.volumes_mm3()[wide.regions == 101].max())
    assert largest_beside_the_tumour_mm3(wide) < 2.0 * inside
    assert largest_beside_the_tumour_mm3(plain) > 3.0 * inside


def test_that_pieces_are_kept_where_the_limit_leaves_room() -> None:
    _, quality = mesh_labels(block(), Sizes(), Watch())
    assert [region.pieces for region in quality.regions] == [1, 1, 1]
    assert not quality.missed


def test_that_a_limit_gives_up_thin_vessels_and_tells_it() -> None:
    mesh, quality = mesh_labels(block(), Sizes(most_tetrahedra=9_000), Watch())
    assert {1, 2, 101} <= set(np.unique(mesh.regions).tolist())
    assert any(sentence.startswith("vein: ") for sentence in quality.missed)


@pytest.mark.parametrize("target", [20_000])
def test_that_a_target_keeps_pieces_by_longer_edges_elsewhere(target: int) -> None:
    _, quality = mesh_labels(block(), Sizes(target_tetrahedra=target), Watch())
    assert [region.pieces for region in quality.regions] == [1, 1, 1]
