"""Whatever is labelled is meshed: organs apart or touching, islands, holes, single voxels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.meshing_cases import KINDS, map_of
from organtwin.core.content import decode, encode
from organtwin.core.errors import EmptyLabel, Stopped
from organtwin.core.labelmap import Beneath, LabelMap
from organtwin.core.organmesh import FACES, MeshQuality, OrganMesh
from organtwin.core.watch import Watch
from organtwin.meshing import Sizes, mesh_labels
from tests.meshing.cubes import interface
from tests.meshing.labelmaps import phantom

Meshed = tuple[LabelMap, OrganMesh, MeshQuality]
SPACINGS = ((1.0, 1.0, 1.0), (1.0, 1.0, 2.5), (0.8, 0.9, 1.2))


@pytest.fixture(scope="module", params=list(KINDS))
def made(request: pytest.FixtureRequest) -> Meshed:
    number = list(KINDS).index(request.param)
    voxels = KINDS[request.param](np.random.default_rng([7, number]), 14)
    labels = map_of(voxels, SPACINGS[number % 3])
    return labels, *mesh_labels(labels, Sizes(), Watch())


def two_boxes(apart: int) -> LabelMap:
    voxels = np.zeros((14, 8, 8), dtype=np.uint8)
    voxels[1:6, 1:7, 1:7], voxels[6 + apart : 12, 1:7, 1:7] = 1, 2
    return map_of(voxels, (2.0, 2.0, 2.0))


def test_that_any_labels_are_meshed_as_well_as_promised(made: Meshed) -> None:
    """At least 8°, 99.9 % of cells from 15°, volumes to 1 %, 95 % within a voxel, watertight."""
    assert not made[2].missed


def test_that_no_structure_is_lost(made: Meshed) -> None:
    assert [r.name for r in made[2].regions] == [s.name for s in made[0].structures]
    assert set(np.unique(made[1].regions)) == set(np.unique(made[0].labels)) - {0}
    assert made[2].left_out == ()


def test_that_faces_are_shared_by_two_cells_at_most(made: Meshed) -> None:
    faces = np.sort(made[1].tetrahedra[:, FACES].reshape(-1, 3), axis=1)
    assert np.unique(faces, axis=0, return_counts=True)[1].max() == 2


def test_that_cells_do_not_overlap(made: Meshed) -> None:
    """The volumes of all cells sum to what the outer faces enclose (divergence theorem)."""
    triangles, sides = made[1].interfaces()
    a, b, c = (made[1].points[triangles[sides[:, 1] == 0][:, i]] for i in range(3))
    enclosed = np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0
    assert made[1].volumes_mm3().sum() == pytest.approx(enclosed, rel=1e-9)


@pytest.mark.parametrize("slice_mm", [1.0, 5.0])
def test_that_a_single_voxel_is_a_region(slice_mm: float) -> None:
    voxels = np.zeros((5, 5, 5), dtype=np.uint8)
    voxels[2, 2, 2] = 1
    mesh, quality = mesh_labels(map_of(voxels, (0.7, 0.7, slice_mm)), Sizes(), Watch())
    assert not quality.missed
    assert mesh.volume_ml("s1") == pytest.approx(0.00049 * slice_mm, rel=0.01)


def test_that_touching_structures_share_their_faces() -> None:
    fine = Sizes(organ_edge_mm=2.0, tumour_edge_mm=2.0)
    mesh, _ = mesh_labels(two_boxes(0), fine, Watch())
    shared = interface(mesh, "s1", "s2")
    a, b, c = (mesh.points[shared[:, i]] for i in range(3))
    across = 0.5 * np.cross(b - a, c - a)
    assert across[:, 0].sum() == pytest.approx(144.0, rel=0.2)  # 12 mm by 12 mm less rounded edges
    assert len(interface(mesh, "s2", "s1")) == len(shared)


def test_that_structures_apart_share_nothing() -> None:
    mesh, _ = mesh_labels(two_boxes(2), Sizes(organ_edge_mm=4.0), Watch())
    assert len(interface(mesh, "s1", "s2")) == 0


def test_that_oblique_mirrored_voxels_are_meshed_in_their_place() -> None:
    turn = np.array([[0.0, -1.0, 0.0], [0.6, 0.0, 0.8], [-0.8, 0.0, 0.6]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([-2.0, 2.0, 2.0])
    affine[:3, 3] = 10.0, 20.0, 30.0
    flat = two_boxes(0)
    mesh, quality = mesh_labels(LabelMap(flat.labels, affine, flat.structures), Sizes(), Watch())
    middle = affine[:3, :3] @ [3.0, 3.5, 3.5] + affine[:3, 3]
    found = mesh.points[np.unique(mesh.surface("s1"))]
    assert not quality.missed
    assert 0.5 * (found.min(axis=0) + found.max(axis=0)) == pytest.approx(middle, abs=1.0)


def test_that_the_number_of_tetrahedra_is_about_the_one_asked_for() -> None:
    sizes = Sizes(target_tetrahedra=15_000, smallest_edge_mm=2.0)
    assert mesh_labels(phantom(), sizes, Watch())[1].tetrahedra == pytest.approx(15_000, rel=0.15)


def test_that_edges_are_those_asked_for_by_name() -> None:
    fine = Sizes(organ_edge_mm=6.0, edges_mm={"s2": 1.5})
    mesh, _ = mesh_labels(two_boxes(0), fine, Watch())
    assert 8 * (mesh.regions == 1).sum() < (mesh.regions == 2).sum() * 3


def test_that_what_an_organ_alone_leaves_out_is_listed() -> None:
    sizes = Sizes(vessel_radius_mm=8.0, smallest_edge_mm=3.0, organ_alone=True)
    _, quality = mesh_labels(phantom(), sizes, Watch())
    assert [(one.name, one.volume_ml > 5.0) for one in quality.left_out] == [("portal-vein", True)]
    assert "(most at " in quality.left_out[0].reason


def test_that_islands_too_small_for_the_edges_are_listed_with_their_place() -> None:
    voxels = np.zeros((30, 20, 20), dtype=np.uint8)
    voxels[2:16, 2:18, 2:18], voxels[25, 10, 10] = 1, 1
    sizes = Sizes(organ_edge_mm=6.0, tumour_edge_mm=6.0, smallest_edge_mm=6.0)
    _, quality = mesh_labels(map_of(voxels, (1.0, 1.0, 1.0)), sizes, Watch())
    assert [(one.name, one.volume_ml) for one in quality.left_out] == [("s1", 0.001)]
    assert "L 25.0" in quality.left_out[0].reason


def test_that_what_lies_beneath_is_listed() -> None:
    whole = two_boxes(0)
    hidden = Beneath(1, (6, 1, 1), np.ones((2, 6, 6), dtype=bool))
    _, quality = mesh_labels(replace(whole, beneath=(hidden,)), Sizes(), Watch())
    assert [one.name for one in quality.left_out] == ["s1"]
    assert quality.left_out[0].volume_ml == pytest.approx(72 * 0.008)


def test_that_an_empty_structure_is_named() -> None:
    whole = two_boxes(0)
    empty = replace(whole, labels=np.where(whole.labels == 2, 0, whole.labels))
    with pytest.raises(EmptyLabel, match="s2 has no voxels"):
        mesh_labels(empty, Sizes(), Watch())


def test_that_the_same_labels_give_the_same_bytes() -> None:
    first, second = (mesh_labels(two_boxes(0), Sizes(), Watch()) for _ in range(2))
    assert [encode(part) for part in first] == [encode(part) for part in second]
    assert decode(encode(first[1])) == first[1]


def test_that_meshing_any_labels_stops_when_asked() -> None:
    said: list[str] = []
    watch = Watch(lambda _, message: said.append(message), lambda: len(said) >= 6)
    with pytest.raises(Stopped):
        mesh_labels(two_boxes(0), Sizes(), watch)
