"""What every mesh must be, on known shapes and on a real liver."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from organtwin.core.content import encode
from organtwin.core.errors import Stopped
from organtwin.core.organmesh import FACES, OrganMesh
from organtwin.core.watch import Watch
from organtwin.meshing import checked, mesh_labels
from organtwin.meshing.shells import shell_defects
from tests.meshing.conftest import Meshed
from tests.meshing.labelmaps import ORGAN_SIZES, TUMOURS, phantom


def counts(cells: np.ndarray, corners: list[list[int]]) -> np.ndarray:
    parts = np.sort(cells[:, corners].reshape(-1, len(corners[0])), axis=1)
    return np.unique(parts, axis=0, return_counts=True)[1]


def distances(mesh: OrganMesh, tumour: int) -> np.ndarray:
    """Distance of the points on a tumour's surface from the true sphere, mm."""
    centre, radius = TUMOURS[tumour - 1]
    on = mesh.points[np.unique(mesh.surface(f"tumour-{tumour}"))]
    return np.linalg.norm(on - centre, axis=1) - radius


def test_that_no_face_belongs_to_more_than_two_tetrahedra(each: Meshed) -> None:
    assert counts(each[1].tetrahedra, FACES.tolist()).max() == 2


def test_that_every_volume_is_positive(each: Meshed) -> None:
    assert each[1].volumes_mm3().min() > 0


def test_that_every_shell_is_a_closed_two_manifold(each: Meshed) -> None:
    for structure in each[1].structures:
        shell = each[1].surface(structure.name).astype(np.int64)
        assert [len(found) for found in shell_defects(shell, len(each[1].points))] == [0, 0]


def test_that_dihedral_angles_are_fit_for_a_solver(each: Meshed) -> None:
    assert each[2].min_dihedral_deg >= 5.0
    assert each[2].below_10_deg_percent < 0.1


def test_that_volumes_agree_with_the_voxels(each: Meshed) -> None:
    for name, error in each[2].volume_error_percent:
        assert abs(error) < (0.1 if name == "liver" else 1.0), name


def test_that_the_mesh_is_small_enough_for_a_solve(each: Meshed) -> None:
    assert 1500 < each[2].points < 8000


def test_that_no_triangle_overlaps_the_space_of_another_cell(each: Meshed) -> None:
    """The volumes of all tetrahedra sum to what the outer surface encloses."""
    points, outer = each[1].points, each[1].surface("liver")
    a, b, c = (points[outer[:, i]] - points.mean(axis=0) for i in range(3))
    enclosed = np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0
    assert each[1].volumes_mm3().sum() == pytest.approx(enclosed, rel=1e-9)


def test_that_all_structures_are_regions(plain: Meshed) -> None:
    assert [s.label for s in plain[1].structures] == [1, 2, 101, 102]
    assert set(np.unique(plain[1].regions)) == {1, 2, 101, 102}


@pytest.mark.parametrize("tumour", [1, 2])
def test_that_a_tumour_lies_where_it_is(plain: Meshed, tumour: int) -> None:
    assert abs(distances(plain[1], tumour)).max() < 1.0  # half a voxel of 2 mm


@pytest.mark.parametrize("tumour", [1, 2])
def test_that_an_oblique_left_handed_grid_is_placed_alike(oblique: Meshed, tumour: int) -> None:
    assert abs(distances(oblique[1], tumour)).max() < 2.0  # half a slice of 4 mm


def test_that_edges_are_short_on_tumours_and_long_in_the_organ(plain: Meshed) -> None:
    mesh = plain[1]
    size = np.cbrt(mesh.volumes_mm3() * 6.0 * np.sqrt(2.0))
    assert 2.0 < np.median(size[mesh.regions == 101]) < 4.0
    far = np.linalg.norm(mesh.points[mesh.tetrahedra].mean(1) - [0, -30, -10], axis=1) < 10
    assert 5.0 < np.median(size[far]) < 10.0


def test_that_the_same_labels_give_the_same_bytes(plain: Meshed) -> None:
    assert encode(mesh_labels(phantom(), ORGAN_SIZES, Watch())[0]) == encode(plain[1])


def test_that_a_finer_size_gives_more_points(plain: Meshed) -> None:
    coarse = mesh_labels(
        phantom(), replace(ORGAN_SIZES, organ_edge_mm=12.0, tumour_edge_mm=5.0), Watch()
    )
    assert coarse[1].points < 0.6 * plain[2].points


def test_that_a_vessel_too_narrow_becomes_organ() -> None:
    mesh, quality = mesh_labels(phantom(tube_radius_mm=3.0), ORGAN_SIZES, Watch())
    assert [s.name for s in mesh.structures] == ["liver", "tumour-1", "tumour-2"]
    assert abs(dict(quality.volume_error_percent)["liver"]) < 0.1


def test_that_a_checked_mesh_is_the_mesh(plain: Meshed) -> None:
    assert checked(plain[1]) is plain[1]


def test_that_meshing_stops_when_asked() -> None:
    said: list[str] = []
    watch = Watch(lambda _, message: said.append(message), lambda: len(said) >= 4)
    with pytest.raises(Stopped):
        mesh_labels(phantom(), ORGAN_SIZES, watch)
