"""Images, labels and landmarks after a deformation, against maps known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from organtwin.core.errors import BadArgument, BadMesh
from organtwin.core.labelmap import Beneath, CodedTerm, LabelMap, Structure
from organtwin.core.organmesh import OrganMesh
from organtwin.core.volume import GeometryReport, Volume, to_lps
from organtwin.simulating import moved_landmarks, warped_image, warped_labelmap, warped_labels
from organtwin.simulating.warped import BLENDED, SURROUNDINGS, TISSUE, VACATED
from tests.meshing.cubes import cube

Floats = NDArray[np.float64]
MESH = cube(6, 5.0, 2)
"""30 mm, from the origin; its tumour holds 10 mm cubed."""
AFFINE = np.array([[0, 1.5, 0, -9], [-1.2, 0.2, 0, 42], [0, 0, 2.0, -11], [0, 0, 0, 1.0]])
SHAPE = (44, 38, 30)
PLACES = to_lps(AFFINE, np.stack(np.indices(SHAPE), axis=-1))
MAP = np.array([[1.1, 0.1, 0.0], [-0.05, 0.95, 0.05], [0.0, 0.1, 1.05]])
SHIFT = np.array([1.0, -2.0, 1.5])
AFFINELY = MESH.points @ (MAP - np.eye(3)).T + SHIFT
BENT = 2.0 * np.sin(MESH.points[:, [1, 2, 0]] / 8.0)
SLOPE = np.array([3.0, -7.0, 5.0])


def image(values: Floats, unit: str = "1") -> Volume:
    voxels = np.asfortranarray(values, dtype=np.float32)
    return Volume(voxels, AFFINE, unit, "CT", GeometryReport((1.2, 1.5, 2.0), "LPS"))


def carried(displacement: Floats) -> OrganMesh:
    return OrganMesh(MESH.points + displacement, MESH.tetrahedra, MESH.regions, MESH.structures)


def test_that_an_affine_map_of_a_linear_image_is_exact() -> None:
    warped = warped_image(image(PLACES @ SLOPE), MESH, AFFINELY)
    inside = warped.shown == TISSUE
    exact = ((PLACES[inside] - SHIFT) @ np.linalg.inv(MAP).T) @ SLOPE
    assert warped.voxels[inside] == pytest.approx(exact, abs=1e-3)  # of values up to 400, float32
    assert warped.tissue_ml == pytest.approx(27.0 * np.linalg.det(MAP), rel=0.02)
    assert (warped.folded_ml, warped.beyond_ml) == (0.0, 0.0)


def test_that_there_and_back_is_less_than_a_tenth_of_a_voxel() -> None:
    away = []
    for axis, spacing in enumerate((1.5, 1.2, 2.0)):
        there = warped_image(image(PLACES[..., axis]), MESH, BENT, blend_mm=8.0)
        back = warped_image(image(np.asarray(there.voxels, float)), carried(BENT), -BENT)
        deep = ((PLACES > 3.0) & (PLACES < 27.0)).all(axis=-1)  # a surface voxel mixes with outside
        assert (back.shown[deep] == TISSUE).all()
        away.append(np.abs(back.voxels - PLACES[..., axis])[deep] / spacing)
    assert np.sqrt(np.mean(np.square(away))) < 0.03
    assert np.quantile(away, 0.99) < 0.1


def test_that_landmarks_go_and_come_back() -> None:
    points = np.random.default_rng(2).uniform(0.0, 30.0, (200, 3))
    there = moved_landmarks(points, MESH, BENT)
    back = moved_landmarks(there.points_mm, carried(BENT), -BENT)
    assert there.off_mm.max() == 0.0
    assert back.points_mm == pytest.approx(points, abs=1e-9)
    exactly = moved_landmarks(points, MESH, AFFINELY).points_mm
    assert exactly == pytest.approx(points @ MAP.T + SHIFT, abs=1e-9)


def test_that_a_landmark_beside_the_organ_goes_along_and_one_farther_out_stays() -> None:
    points = np.array([[-1.5, 12.0, 13.0], [-8.0, 12.0, 13.0]])
    found = moved_landmarks(points, MESH, np.tile([5.0, 0.0, 0.0], (len(MESH.points), 1)))
    assert found.off_mm == pytest.approx([1.5, 8.0], abs=1e-9)
    assert found.moved.tolist() == [True, False]
    assert found.points_mm == pytest.approx(points + np.array([[5.0, 0, 0], [0, 0, 0]]))


def test_that_labels_have_the_volume_of_the_deformed_mesh() -> None:
    fine = np.eye(4)
    fine[:3, :3] = 0.7 * Rotation.from_euler("xyz", [20.0, -35.0, 15.0], degrees=True).as_matrix()
    fine[:3, 3] = 15.0 - fine[:3, :3] @ [40.0, 40.0, 40.0]
    labels = np.zeros((81, 81, 81), np.uint8, order="F")
    warped = warped_labels(labels, fine, MESH, BENT, values=MESH.regions.astype(np.uint8))
    volumes = carried(BENT).volumes_mm3()
    for label in (1, 101):
        exact = volumes[MESH.regions == label].sum()
        assert np.sum(warped.voxels == label) * 0.343 == pytest.approx(exact, rel=0.01)


def test_that_a_displacement_that_turns_cells_is_refused_with_its_place() -> None:
    collapsed = np.zeros_like(MESH.points)
    middle = int(np.linalg.norm(MESH.points - 15.0, axis=1).argmin())
    collapsed[middle] = [30.0, 0.0, 0.0]
    with pytest.raises(BadMesh, match=r"turned inside out, the worst at \(1\d, 1\d, 1\d\) mm"):
        warped_image(image(PLACES @ SLOPE), MESH, collapsed)


def test_that_surroundings_stay_and_what_the_organ_left_is_air() -> None:
    shift = np.tile([6.0, 0.0, 0.0], (len(MESH.points), 1))
    warped = warped_image(image(np.full(SHAPE, 40.0), "HU"), MESH, shift)
    x, y, z = np.moveaxis(PLACES, -1, 0)
    beside = (y > 0) & (y < 30) & (z > 0) & (z < 30)
    assert (warped.shown[beside & (x > 0) & (x < 6)] == VACATED).all()
    assert (warped.shown[beside & (x > 6) & (x < 36)] == TISSUE).all()
    outside = (y < 0) | (y > 30) | (z < 0) | (z > 30) | (x < 0) | (x > 36)
    assert (warped.shown[outside] == SURROUNDINGS).all()
    assert set(warped.voxels[warped.shown == VACATED].tolist()) == {-1000.0}
    assert set(warped.voxels[warped.shown != VACATED].tolist()) == {40.0}
    assert warped.vacated_ml == pytest.approx(6 * 0.9, rel=0.2)


def test_that_a_blend_is_marked_and_fills_what_the_organ_left_from_outside() -> None:
    shift = np.tile([4.0, 0.0, 0.0], (len(MESH.points), 1))
    inside = ((PLACES >= 0.0) & (PLACES <= 30.0)).all(axis=-1)
    warped = warped_image(image(np.where(inside, 100.0, 7.0)), MESH, shift, blend_mm=8.0)
    assert (warped.shown == BLENDED).sum() * 3.6e-3 == pytest.approx(warped.blended_ml)
    left = inside & (PLACES[..., 0] < 2.0)
    assert (warped.shown[left] == BLENDED).mean() > 0.9
    assert np.median(warped.voxels[left]) == 7.0


def test_that_a_blend_too_narrow_to_be_a_map_is_refused() -> None:
    shift = np.tile([4.0, 0.0, 0.0], (len(MESH.points), 1))
    with pytest.raises(BadArgument, match="blend over 5 mm"):
        warped_image(image(PLACES @ SLOPE), MESH, shift, blend_mm=3.0)


def test_that_an_organ_that_runs_into_itself_is_told() -> None:
    size = len(MESH.points)
    points = np.concatenate([MESH.points + np.array([x, 0.0, 0.0]) for x in (-16.0, 16.0)])
    cells = np.concatenate([MESH.tetrahedra, MESH.tetrahedra + size])
    both = OrganMesh(points, cells, np.tile(MESH.regions, 2), MESH.structures)
    towards = np.repeat([[3.5, 0, 0], [-3.5, 0, 0]], size, axis=0)
    warped = warped_image(image(np.zeros(SHAPE)), both, towards)
    assert warped.folded_ml == pytest.approx(
        4.5 * 0.9, rel=0.05
    )  # three planes of 1.5 mm, 9 cm² wide


def test_that_a_fill_the_image_cannot_hold_is_refused() -> None:
    bright = Volume(
        np.zeros(SHAPE, np.int16, order="F"), AFFINE, "HU", "CT", image(np.zeros(SHAPE)).geometry
    )
    with pytest.raises(BadArgument, match=r"int16 cannot hold 0\.5"):
        warped_image(bright, MESH, BENT, fill=0.5)


def structure(name: str, label: int, within: str = "") -> Structure:
    return Structure(name, label, "other", CodedTerm("x", "y", name), (1, 1, 1), within)


def test_that_what_lies_in_the_organ_goes_along_and_neighbours_stay() -> None:
    shift = np.tile([6.0, 0.0, 0.0], (len(MESH.points), 1))
    x, y, z = np.moveaxis(PLACES, -1, 0)
    inside = ((PLACES > 0.0) & (PLACES < 30.0)).all(axis=-1)
    labels = np.where(inside, 1, 0).astype(np.uint8)
    labels[(np.abs(PLACES - 15.0) < 5.0).all(axis=-1)] = 101
    vein = inside & (y < 8.0) & (z > 20.0)
    labels[vein] = 7
    labels[(x > 32.0)] = 9
    lobe = inside & (x < 15.0)
    structures = (
        *MESH.structures,
        structure("vein", 7, "liver"),
        structure("kidney", 9),
        structure("lobe", 11, "liver"),
    )
    below = Beneath(11, (0, 0, 0), np.asfortranarray(lobe & (labels != 11)))
    given = LabelMap(np.asfortranarray(labels), AFFINE, structures, (below,))
    after, warped = warped_labelmap(given, MESH, shift)
    gone = warped.shown == VACATED
    assert (after.labels[gone] == 0).all()
    assert after.volume_ml("vein") == pytest.approx(given.volume_ml("vein"), rel=0.05)
    assert after.volume_ml("lobe") == pytest.approx(given.volume_ml("lobe"), rel=0.05)
    assert after.mask("lobe")[PLACES[..., 0] < 5.0].sum() == 0
    assert (after.labels[(x > 37.0)] == 9).all()
    assert (after.labels[(x > 32.0) & (warped.shown == TISSUE)] != 9).all()
