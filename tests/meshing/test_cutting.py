"""Cuts of cubes whose volumes are known; `tests/meshing/cubes.py` makes them without a mesher."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from organtwin.core.cut import Cut
from organtwin.core.errors import BadArgument, BadMesh
from organtwin.core.labelmap import LabelMap
from organtwin.core.organmesh import OrganMesh
from organtwin.core.watch import Watch
from organtwin.meshing import touching
from organtwin.meshing.cutting import cut, cut_regions
from organtwin.meshing.knives import around, plane, triangulated
from organtwin.meshing.parting import Sides, parted
from organtwin.meshing.remarks import remarked
from organtwin.meshing.shells import shell_defects
from organtwin.meshing.touching import untouching
from organtwin.organs.liver import ORGAN
from tests.meshing.cubes import cube, interface

CENTRE = np.array([15.0, 15.0, 15.0])


def ml(part: object) -> float:
    return float(part.volumes_mm3().sum()) / 1000.0  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def oblique() -> Cut:
    """A cube of 30 mm cut through its middle and its tumour by an oblique plane."""
    return cut(cube(), plane(CENTRE, np.array([1.0, 0.5, 0.3])), Watch())


def test_that_both_parts_add_up_to_the_whole(oblique: Cut) -> None:
    assert ml(oblique.remnant) + ml(oblique.specimen) == pytest.approx(27.0, rel=1e-3)
    assert abs(oblique.volume_error_percent) < 0.1


def test_that_a_plane_through_the_middle_makes_halves(oblique: Cut) -> None:
    assert ml(oblique.specimen) == pytest.approx(13.5, rel=0.01)


def test_that_no_element_is_inverted_and_angles_are_good(oblique: Cut) -> None:
    assert oblique.remnant.volumes_mm3().min() > 0
    assert oblique.specimen.volumes_mm3().min() > 0
    assert oblique.min_dihedral_deg > 8.0


def test_that_a_cut_tumour_is_in_both_parts(oblique: Cut) -> None:
    parts = oblique.remnant.volume_ml("tumour-1"), oblique.specimen.volume_ml("tumour-1")
    assert sum(parts) == pytest.approx(1.0, rel=1e-3)
    assert min(parts) > 0.4


def test_that_the_normal_points_into_the_specimen(oblique: Cut) -> None:
    towards = (oblique.specimen.points.mean(axis=0) - CENTRE) @ [1.0, 0.5, 0.3]
    assert towards > 0


def test_that_cut_faces_are_the_same_on_both_sides_and_point_outwards(oblique: Cut) -> None:
    here = oblique.remnant.points[oblique.remnant_faces]
    there = oblique.specimen.points[oblique.specimen_faces]
    assert np.array_equal(here, there[:, ::-1])
    normals = np.cross(here[:, 1] - here[:, 0], here[:, 2] - here[:, 0])
    assert (normals @ [1.0, 0.5, 0.3]).min() > 0


def test_that_cut_faces_lie_on_the_plane(oblique: Cut) -> None:
    """All but what angles do not let, told by `off_mm`, an eighth of an edge here."""
    normal = np.array([1.0, 0.5, 0.3]) / np.linalg.norm([1.0, 0.5, 0.3])
    off = np.abs((oblique.remnant.points[np.unique(oblique.remnant_faces)] - CENTRE) @ normal)
    assert off.max() == pytest.approx(oblique.off_mm, abs=1e-9)
    assert oblique.off_mm < 0.5
    assert (off < 1e-3).mean() > 0.95


def test_that_cut_faces_are_on_the_outside_of_each_part(oblique: Cut) -> None:
    for part, faces in (
        (oblique.remnant, oblique.remnant_faces),
        (oblique.specimen, oblique.specimen_faces),
    ):
        outer = {tuple(sorted(t)) for t in part.surface("liver").tolist()}
        assert {tuple(sorted(t)) for t in faces.tolist()} <= outer


def test_that_elements_far_from_the_cut_stay(oblique: Cut) -> None:
    before = {p.tobytes() for p in cube().points}
    kept = [p.tobytes() in before for p in oblique.remnant.points]
    assert np.mean(kept) > 0.4


def test_that_a_plane_of_grid_points_leaves_all_elements() -> None:
    found = cut(cube(), plane(CENTRE, np.array([1.0, 0.0, 0.0])), Watch())
    assert ml(found.specimen) == pytest.approx(13.5, rel=1e-12)
    assert len(found.remnant.tetrahedra) + len(found.specimen.tetrahedra) == 6 * 6**3


def test_that_an_open_surface_cuts_beyond_its_rim() -> None:
    """A wavy sheet of 20 mm in the middle of the cube: by symmetry about half lies below it."""
    x, y = np.meshgrid(np.linspace(5, 25, 21), np.linspace(5, 25, 21), indexing="ij")
    points = np.stack([x, y, 15.0 + 2.0 * np.sin((x - 15.0) / 4.0)], axis=-1).reshape(-1, 3)
    corner = (np.arange(20)[:, None] * 21 + np.arange(20)).ravel()
    triangles = np.concatenate(
        [corner[:, None] + [0, 21, 22], corner[:, None] + [0, 22, 1]], axis=0
    )
    found = cut(cube(), triangulated(points, triangles), Watch())
    assert ml(found.specimen) == pytest.approx(13.5, rel=0.02)
    assert found.specimen.points[:, 2].mean() < found.remnant.points[:, 2].mean()
    assert found.min_dihedral_deg > 8.0


def test_that_a_closed_function_cuts_out_a_ball() -> None:
    """4/3 π 10³ mm³; flat faces with corners on it, of elements of 3 mm, enclose less."""
    found = cut(cube(10, 3.0), lambda p: np.linalg.norm(p - CENTRE, axis=1) - 10.0, Watch())
    assert ml(found.specimen) == pytest.approx(4.1888, rel=0.06)
    assert abs(found.volume_error_percent) < 1e-6


def test_that_a_label_is_cut_out_with_its_volume() -> None:
    voxels = np.ones((15, 15, 15), dtype=np.uint8, order="F")
    voxels[9:] = 11
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = 1.0
    liver = ORGAN.structures[0]
    segment = replace(liver, name="segment", label=11, kind="other", within="liver")
    labels = LabelMap(voxels, affine, (liver, segment))
    found = cut(cube(), around(labels, "segment"), Watch())
    assert ml(found.specimen) == pytest.approx(12 * 30 * 30 / 1000, rel=0.01)


@pytest.mark.parametrize("depth_mm", [0.0, 0.3, 1.2])
def test_that_a_plane_beside_an_interface_leaves_good_angles(depth_mm: float) -> None:
    """The tumour ends at x = 20 mm; turned by 1°, the plane passes from one side to the other."""
    point = CENTRE + np.array([5.0 - depth_mm, 0.0, 0.0])
    found = cut(cube(), plane(point, np.array([1.0, 0.02, 0.0])), Watch())
    assert found.keeps_promises
    assert found.off_mm < 2.0
    assert abs(found.volume_error_percent) < 0.1


def test_that_a_ball_that_nearly_touches_the_capsule_leaves_no_surface_that_touches_itself() -> (
    None
):
    centre = np.array([15.0, 15.0, 20.2])
    found = cut(cube(10, 3.0), lambda p: np.linalg.norm(p - centre, axis=1) - 9.6, Watch())
    for part in (found.remnant, found.specimen):
        shell = part.surface("liver").astype(np.int64)
        assert [len(each) for each in shell_defects(shell, len(part.points))] == [0, 0]


def columns() -> tuple[OrganMesh, Sides]:
    """Return a cube of 2³, and as specimen two of its four columns, across from each other."""
    mesh = cube(2, 15.0, tumour_parts=0)
    middle = mesh.points[mesh.tetrahedra].mean(axis=1)
    across = (middle[:, 0] < 15) == (middle[:, 1] < 15)
    return mesh, Sides(mesh.points, mesh.tetrahedra.astype(np.int64), mesh.regions, across)


def test_that_a_surface_that_goes_on_touching_itself_is_refused_with_the_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(touching, "TURNS", 1)
    mesh, sides = columns()
    with pytest.raises(BadMesh, match=r"touches itself at L 15\.0 P 15\.0 S \d+"):
        untouching(sides, mesh)


def test_that_blocks_of_the_specimen_that_share_but_an_edge_are_joined_or_parted() -> None:
    mesh, sides = columns()
    found = parted(mesh, replace(sides, specimen=untouching(sides, mesh)))
    shell = found.specimen.surface("liver").astype(np.int64)
    assert [len(e) for e in shell_defects(shell, len(found.specimen.points))] == [0, 0]


def test_that_a_region_is_cut_out_along_its_own_faces() -> None:
    mesh = cube()
    found = cut_regions(mesh, ["tumour-1"])
    assert ml(found.specimen) == pytest.approx(1.0, rel=1e-12)
    assert found.specimen.structures[0].within == ""
    assert len(found.specimen_faces) == len(interface(mesh, "tumour-1", "liver"))


def test_that_a_cut_that_misses_is_refused() -> None:
    with pytest.raises(BadArgument, match="one side"):
        cut(cube(), plane(CENTRE + 100.0, np.array([1.0, 0.0, 0.0])), Watch())


def test_that_a_clean_cut_has_no_remarks(oblique: Cut) -> None:
    assert (oblique.remnant_pieces, oblique.specimen_pieces, oblique.touching) == (1, 1, 0)
    assert oblique.remarks == ()


def test_that_parts_in_pieces_are_told() -> None:
    """Two balls of 4 mm, 14 mm apart, in a cube of 30 mm."""
    balls = [np.array([8.0, 15.0, 15.0]), np.array([22.0, 15.0, 15.0])]
    found = cut(
        cube(10, 3.0),
        lambda p: np.min([np.linalg.norm(p - ball, axis=1) for ball in balls], axis=0) - 4.0,
        Watch(),
    )
    assert (found.remnant_pieces, found.specimen_pieces) == (1, 2)
    assert "the specimen is in 2 pieces" in " ".join(found.remarks)


def test_that_blocks_that_touch_and_a_sliver_of_a_tumour_are_told() -> None:
    """Two columns across from each other share one edge; of the tumour of 48 elements 3 stay."""
    mesh, sides = columns()
    found = remarked(parted(mesh, sides), sides, mesh)
    assert found.touching > 0
    assert "touches itself at" in " ".join(found.remarks)
    whole = cube()
    few = np.isin(np.arange(len(whole.regions)), np.flatnonzero(whole.regions != 1)[:3])
    three = Sides(whole.points, whole.tetrahedra.astype(np.int64), whole.regions, few)
    told = " ".join(remarked(parted(whole, three), three, whole).remarks)
    assert "only 3 elements of tumour-1 are in the specimen" in told


def test_that_a_knife_that_is_not_finite_is_refused_with_the_place() -> None:
    with pytest.raises(BadArgument, match=r"no finite distance at L .* mm"):
        cut(cube(), lambda p: np.where(p[:, 1] > 20, np.nan, p[:, 0] - 15.0), Watch())
    with pytest.raises(BadArgument, match="not finite"):
        plane(np.array([np.nan, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]))
    with pytest.raises(BadArgument, match="not finite"):
        triangulated(np.array([[0, 0, 0], [1, 0, 0], [0, np.inf, 0]]), np.array([[0, 1, 2]]))


def test_that_a_plane_without_a_normal_is_refused() -> None:
    with pytest.raises(BadArgument):
        plane(CENTRE, np.zeros(3))
