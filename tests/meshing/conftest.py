"""Meshes made once for all tests of this folder."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.core.labelmap import LabelMap
from organtwin.core.organmesh import MeshQuality, OrganMesh
from organtwin.core.watch import Watch
from organtwin.meshing import mesh_labels
from tests.meshing.labelmaps import ORGAN_SIZES, phantom, real_liver

Meshed = tuple[LabelMap, OrganMesh, MeshQuality]


def meshed(labels: LabelMap) -> Meshed:
    """Return the labels with their mesh and its figures."""
    return labels, *mesh_labels(labels, ORGAN_SIZES, Watch())


@pytest.fixture(scope="session")
def plain() -> Meshed:
    return meshed(phantom())


@pytest.fixture(scope="session")
def oblique() -> Meshed:
    """Left-handed, turned about two axes, slices 4 mm apart in pixels of 1.2 mm."""
    a, b = np.radians(25.0), np.radians(-35.0)
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_z = [[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]]
    affine = np.eye(4)
    affine[:3, :3] = np.array(about_x) @ np.array(about_z) @ np.diag([-1.2, 1.2, 4.0])
    return meshed(phantom(affine))


@pytest.fixture(scope="session")
def touching() -> Meshed:
    """The first tumour swallows part of the vessel's wall: three regions share seams."""
    return meshed(phantom(tube_y_mm=4.0))


@pytest.fixture(scope="session")
def real() -> Meshed:
    return meshed(real_liver())


@pytest.fixture(params=["plain", "oblique", "touching", "real"])
def each(request: pytest.FixtureRequest) -> Meshed:
    found: Meshed = request.getfixturevalue(request.param)
    return found
