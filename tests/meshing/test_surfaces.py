"""Smooth surfaces: closed, outward, with the volume of the voxels, in their place."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.core.errors import EmptyLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.meshing import surfaces
from tests.meshing.labelmaps import STRUCTURES, TUMOURS, phantom, real_liver

SLICES_OF_5_MM = np.diag([1.0, 1.0, 5.0, 1.0])
MIRRORED = np.diag([-2.0, 2.0, 2.0, 1.0])


@pytest.fixture(scope="module", params=[None, SLICES_OF_5_MM, MIRRORED])
def labels(request: pytest.FixtureRequest) -> LabelMap:
    return phantom(request.param)


def test_that_a_surface_encloses_the_volume_of_its_voxels(labels: LabelMap) -> None:
    for name, surface in surfaces(labels, Watch()).items():
        assert surface.volume_ml() == pytest.approx(labels.volume_ml(name), rel=1e-3)


def test_that_the_points_of_a_tumour_lie_on_its_sphere(labels: LabelMap) -> None:
    points = surfaces(labels, Watch())["tumour-1"].points
    radii = np.linalg.norm(points - TUMOURS[0][0], axis=1)
    assert abs(radii - TUMOURS[0][1]).max() < 0.5 * max(np.linalg.norm(labels.affine, axis=0)[:3])


def test_that_each_structure_has_a_surface(labels: LabelMap) -> None:
    assert list(surfaces(labels, Watch())) == ["liver", "portal-vein", "tumour-1", "tumour-2"]


def test_that_stairs_are_smoothed() -> None:
    """Neighbouring triangles of raw voxels meet at up to 90°; of the smooth sphere at far less."""
    surface = surfaces(phantom(), Watch())["tumour-1"]
    corner = surface.points[surface.triangles]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    outward = corner.mean(axis=1) - TUMOURS[0][0]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    assert np.einsum("ij,ij->i", normal, outward).min() > np.cos(np.radians(35.0))


def test_that_a_real_liver_keeps_its_volume() -> None:
    labels = real_liver()
    assert surfaces(labels, Watch())["liver"].volume_ml() == pytest.approx(
        labels.volume_ml("liver"), rel=1e-4
    )


def test_that_no_labels_have_no_surfaces() -> None:
    with pytest.raises(EmptyLabel):
        surfaces(LabelMap(np.zeros((4, 4, 4)), np.eye(4), STRUCTURES), Watch())
