"""What acts on an organ, from its words to the solver's answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import Structure
from organtwin.core.organmesh import OrganMesh
from organtwin.core.registration import Registration
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.simulating import (
    Loads,
    Plane,
    Springs,
    blood_pressure,
    deformation_simulation,
    displacement_at,
    registered_mm,
    supports_of,
    unloaded_mesh,
)
from organtwin.simulating.deformation import GRAVITY_MM_PER_S2
from tests.phantoms import LIVER
from tests.simulating.test_growth import block, jobs

__all__ = ["jobs"]
LIVER_ORGAN = organ("liver")
VEIN = LIVER_ORGAN.structure("portal-vein")


def vein_block() -> OrganMesh:
    """A cube of 72 mm of liver around a cube of 24 mm that stands for a vessel."""
    mesh = block(6)
    middle = np.abs(mesh.points[mesh.tetrahedra].mean(axis=1)).max(axis=1) < 12.0
    labels = np.where(middle, VEIN.label, LIVER.label).astype(np.int32)
    vein = Structure(VEIN.name, VEIN.label, "vessel", VEIN.code, VEIN.colour, "liver")
    return OrganMesh(mesh.points, mesh.tetrahedra, labels, (LIVER, vein))


def linear_field() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A field u = slope·x + shift on a turned grid, its affine, and the slope with the shift."""
    affine = np.array([[0, -3.0, 0, 60], [2.5, 0, 0, -60], [0, 0, 4.0, -60], [0, 0, 0, 1.0]])
    index = np.stack(np.meshgrid(*map(np.arange, (50, 42, 32)), indexing="ij"), -1)
    places = index @ affine[:3, :3].T + affine[:3, 3]
    map_ = np.array([[0.02, 0.01, 0.0, 3.0], [0.0, -0.03, 0.0, -2.0], [0.01, 0.0, 0.02, 1.0]])
    return places @ map_[:, :3].T + map_[:, 3], affine, map_


def test_that_a_field_is_read_where_the_nodes_are() -> None:
    field, affine, map_ = linear_field()
    points = np.random.default_rng(0).uniform(-40.0, 40.0, (30, 3))
    exact = points @ map_[:, :3].T + map_[:, 3]
    assert displacement_at(points, field, affine) == pytest.approx(exact, abs=1e-9)


def test_that_a_node_beyond_the_field_is_refused() -> None:
    field, affine, _ = linear_field()
    with pytest.raises(BadArgument, match="1 of 2 nodes"):
        displacement_at(np.array([[0.0, 0, 0], [500.0, 0, 0]]), field, affine)


def test_that_a_registration_moves_by_its_rigid_part_too() -> None:
    field, affine, map_ = linear_field()
    rigid = np.array([[0, -1.0, 0, 5], [1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1]])
    found = Registration(rigid, field.astype(np.float32), affine, "by hand", 0.0)
    point = np.array([[10.0, 20.0, 30.0]])
    exact = [-20.0 + 5 - 10, 10.0 - 20, 0.0] + map_[:, :3] @ point[0] + map_[:, 3]
    assert registered_mm(found, point)[0] == pytest.approx(exact, abs=1e-4)


def test_that_every_face_of_the_surface_has_one_support() -> None:
    mesh = block(6)
    springs = supports_of(mesh, LIVER_ORGAN)
    faces = np.concatenate([each.faces for each in springs])
    assert [each.name for each in springs] == [each.place for each in LIVER_ORGAN.supports]
    assert np.sort(faces, axis=0).tolist() == np.sort(mesh.surface("liver"), axis=0).tolist()
    middles = [mesh.points[each.faces].mean(axis=1) for each in springs]
    bare, diaphragm = middles[0], middles[3]
    assert bare[:, 1].min() > 30.0
    assert bare[:, 2].min() > 0.0
    assert diaphragm[:, 2].min() > 30.0


def test_that_blood_swells_a_vessel_and_the_organ_follows_a_registration(jobs: Path) -> None:
    mesh = vein_block()
    field, affine, map_ = linear_field()
    found = Registration(np.eye(4), 0.1 * field.astype(np.float32), affine, "by hand", 0.0)
    surface = np.unique(mesh.surface("liver")).astype(np.int32)
    loads = Loads(
        acting=(blood_pressure(mesh, "portal-vein", 0.5),),
        prescribed_nodes=surface,
        prescribed_mm=registered_mm(found, mesh.points[surface]),
    )
    simulation = deformation_simulation(mesh, LIVER_ORGAN, loads=loads, folder=jobs, watch=Watch())
    moved = simulation.fields["displacement_mm"][0]
    mapped = 0.1 * (mesh.points @ map_[:, :3].T + map_[:, 3])
    assert moved[surface] == pytest.approx(mapped[surface], abs=1e-4)
    ratio = simulation.fields["volume_ratio"][0]
    assert ratio[mesh.regions == VEIN.label].mean() > 1.005


def test_that_an_organ_on_its_springs_is_unloaded_and_comes_back(jobs: Path) -> None:
    mesh = block(4)
    down = (0.0, GRAVITY_MM_PER_S2, 0.0)
    weight = Loads(gravity_mm_per_s2=down, acting=supports_of(mesh, LIVER_ORGAN))
    bare = unloaded_mesh(mesh, LIVER_ORGAN, loads=weight, folder=jobs, watch=Watch())
    simulation = deformation_simulation(bare, LIVER_ORGAN, loads=weight, folder=jobs, watch=Watch())
    again = simulation.fields["displacement_mm"][0]
    assert np.abs(bare.points - mesh.points).max() > 1.0
    assert bare.points + again == pytest.approx(mesh.points, abs=0.02)


def test_that_loads_of_one_name_are_refused(jobs: Path) -> None:
    mesh = block(4)
    plane = Plane("table", mesh.surface("liver"), (0.0, 40.0, 0.0), (0.0, -1.0, 0.0))
    with pytest.raises(BadArgument, match="named 'table'"):
        deformation_simulation(
            mesh, LIVER_ORGAN, loads=Loads(acting=(plane, plane)), folder=jobs, watch=Watch()
        )


def test_that_springs_of_ones_own_replace_the_organs(jobs: Path) -> None:
    mesh = block(4)
    stiff = Springs("all", mesh.surface("liver"), 50.0, 50.0)
    weight = Loads(gravity_mm_per_s2=(0.0, GRAVITY_MM_PER_S2, 0.0), acting=(stiff,))
    moved = deformation_simulation(mesh, LIVER_ORGAN, loads=weight, folder=jobs, watch=Watch())
    assert np.abs(moved.fields["displacement_mm"]).max() < 3.0
