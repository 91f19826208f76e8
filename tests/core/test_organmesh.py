"""Tetrahedra with regions."""

import numpy as np
import pytest

from organtwin.core.errors import BadMesh
from organtwin.core.organmesh import OrganMesh, dihedral_angles_deg
from organtwin.organs import organ

LIVER = organ("liver").structure("liver")
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])


def one(order: tuple[int, ...] = (0, 1, 2, 3)) -> OrganMesh:
    return OrganMesh(CORNERS, np.array([order]), np.array([LIVER.label]), (LIVER,))


def test_that_the_unit_corner_holds_a_sixth() -> None:
    assert one().volumes_mm3() == pytest.approx([1 / 6])


def test_that_a_tetrahedron_turned_inside_out_is_refused() -> None:
    with pytest.raises(BadMesh, match="inside out"):
        one((0, 2, 1, 3))


def test_that_a_surface_looks_outward() -> None:
    triangles = one().points[one().surface("liver")]
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    outward = triangles.mean(axis=1) - CORNERS.mean(axis=0)
    assert (np.einsum("ij,ij->i", normals, outward) > 0).all()


def test_that_a_regular_tetrahedron_has_angles_of_arccos_one_third() -> None:
    points = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1.0]])
    mesh = OrganMesh(points, np.array([[0, 1, 3, 2]]), np.array([1]), (LIVER,))
    assert dihedral_angles_deg(mesh) == pytest.approx(np.full((1, 6), np.degrees(np.arccos(1 / 3))))
