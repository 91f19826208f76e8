"""Meshes as files, read back by programs that are not ours."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import meshio
import numpy as np
import pytest
import pyvista

from organtwin.core.errors import BadArgument, BadInput
from organtwin.core.organmesh import OrganMesh
from organtwin.exporting.meshes import Tagged, mesh_files, write_mesh
from organtwin.exporting.naming import told_apart
from organtwin.exporting.obj import obj_bytes
from tests.meshing.cubes import cube

LIVER, TUMOUR = 7, 300
WHOLE_ML, TUMOUR_ML = 27.0, 1.0


@pytest.fixture(scope="module")
def tagged() -> Tagged:
    """A cube of 30 mm with a tumour of 10 mm in it, by the values of some file."""
    return Tagged(cube(), {"liver": LIVER, "tumour-1": TUMOUR})


@pytest.fixture(scope="module")
def place(tagged: Tagged, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("meshes")
    for ending in mesh_files():
        write_mesh(folder / f"m{ending}", tagged)
    return folder


def volume_ml(points: np.ndarray, cells: np.ndarray) -> float:
    a, b, c, d = (points[cells[:, i]] for i in range(4))
    return float(np.einsum("ij,ij->", np.cross(b - a, c - a), d - a)) / 6000.0


def enclosed_ml(points: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = (points[triangles[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->", np.cross(a, b), c)) / 6000.0


def test_that_a_vtu_holds_regions_and_surfaces_by_name(place: Path) -> None:
    mesh = meshio.read(place / "m.vtu")
    regions = mesh.cell_data_dict["region"]["tetra"]
    tetrahedra = mesh.cells_dict["tetra"]
    assert mesh.field_data["tumour-1"].tolist() == [TUMOUR, 3]
    assert volume_ml(mesh.points, tetrahedra) == pytest.approx(WHOLE_ML)
    assert volume_ml(mesh.points, tetrahedra[regions == TUMOUR]) == pytest.approx(TUMOUR_ML)
    number, dimension = mesh.field_data["tumour-1.liver"]
    around = mesh.cells_dict["triangle"][mesh.cell_data_dict["surface"]["triangle"] == number]
    assert dimension == 2
    assert enclosed_ml(mesh.points, around) == pytest.approx(TUMOUR_ML)


def test_that_vtk_reads_the_same_vtu(place: Path) -> None:
    grid = pyvista.read(place / "m.vtu")
    assert grid.threshold([LIVER, LIVER], scalars="region").volume == pytest.approx(26e3)
    assert grid.threshold([1, 1], scalars="surface").area == pytest.approx(6 * 30.0**2)


@pytest.mark.parametrize(("name", "cells"), [("m.xdmf", 1296), ("m-surfaces.xdmf", 480)])
def test_that_vtk_reads_both_xdmf_files(place: Path, name: str, cells: int) -> None:
    from vtkmodules.vtkIOXdmf2 import vtkXdmfReader

    reader = vtkXdmfReader()
    reader.SetFileName(str(place / name))
    reader.Update()
    found = reader.GetOutputDataObject(0)
    assert found.GetNumberOfCells() == cells
    assert found.GetCellData().GetArray(0).GetRange() in [(LIVER, TUMOUR), (1, 2)]


def test_that_abaqus_sets_and_surfaces_are_named(place: Path) -> None:
    mesh = meshio.read(place / "m.inp")
    assert set(mesh.cell_sets) == {"liver", "tumour-1"}
    assert len(mesh.point_sets["tumour-1_liver"]) == 26
    assert sum(volume_ml(mesh.points, b.data) for b in mesh.cells) == pytest.approx(WHOLE_ML)


def test_that_abaqus_faces_are_those_of_the_surface(place: Path, tagged: Tagged) -> None:
    text = (place / "m.inp").read_text()
    rows = text.split("NAME=tumour-1_liver\n")[1].split("*")[0].split()
    cells = tagged.mesh.tetrahedra
    corners = {"S1": [0, 1, 2], "S2": [0, 3, 1], "S3": [1, 3, 2], "S4": [2, 3, 0]}
    faces = [
        sorted(cells[int(cell.strip(",")) - 1][corners[side]].tolist())
        for cell, side in zip(rows[::2], rows[1::2], strict=True)
    ]
    assert sorted(faces) == sorted(
        np.sort(tagged.sheets["tumour-1.liver"].triangles, axis=1).tolist()
    )


@pytest.mark.skipif(shutil.which("ccx") is None, reason="CalculiX is not installed")
def test_that_calculix_solves_on_the_mesh(place: Path, tmp_path: Path) -> None:
    """A pressure of 1 kPa on all of the outside of a cube: σ = -p everywhere, to round-off."""
    steps = """
*MATERIAL, NAME=tissue
*ELASTIC
10., 0.3
*SOLID SECTION, ELSET=liver, MATERIAL=tissue
*SOLID SECTION, ELSET=tumour-1, MATERIAL=tissue
*BOUNDARY
1, 1, 3
7, 1, 2
43, 1, 1
*STEP
*STATIC
*DSLOAD
liver_outside, P, 1.
*EL PRINT, ELSET=tumour-1
S
*END STEP
"""
    (tmp_path / "job.inp").write_text((place / "m.inp").read_text() + steps.lstrip())
    command = ["ccx", "job"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, check=False, env=os.environ, timeout=60
    )
    assert done.returncode == 0, done.stdout[-500:]
    rows = [line.split() for line in (tmp_path / "job.dat").read_text().splitlines()]
    stress = np.array([[float(x) for x in row[2:5]] for row in rows if len(row) == 8])
    assert np.allclose(stress, -1.0, atol=1e-5)


def test_that_febio_parts_have_no_material_made_up(place: Path) -> None:
    root = ET.parse(place / "m.feb").getroot()
    assert root.attrib["version"] == "4.0"
    assert root.find("Material") is None
    parts = [domain.attrib["name"] for domain in root.findall("MeshDomains/SolidDomain")]
    assert parts == [block.attrib["name"] for block in root.findall("Mesh/Elements")]
    points = np.array([n.text.split(",") for n in root.findall("Mesh/Nodes/node")], dtype=float)
    cells = np.array([e.text.split(",") for e in root.findall("Mesh/Elements/elem")], dtype=int)
    assert volume_ml(points, cells - 1) == pytest.approx(WHOLE_ML)
    faces = root.find("Mesh/Surface[@name='tumour-1.liver']")
    assert faces is not None
    assert len(faces) == 48


def test_that_febio_would_number_nodes_and_turn_faces_as_we_do(place: Path) -> None:
    """By FEBio's own reader and its tet4 (FEBioMeshSection4.cpp, FESolidElementShape.cpp).

    Nodes and elements by id, unique over all parts; N1 = 1 - r - s - t, N2 = r, N3 = s, N4 = t, so
    that the Jacobian is positive where nodes 2, 3, 4 are right-handed about node 1; faces of a
    Surface are faces of elements, outward, so that a pressure pushes in.
    """
    mesh = ET.parse(place / "m.feb").getroot().find("Mesh")
    assert mesh is not None
    nodes = {int(n.attrib["id"]): np.array(n.text.split(","), float) for n in mesh.iter("node")}
    elements = {int(e.attrib["id"]): [int(i) for i in e.text.split(",")] for e in mesh.iter("elem")}
    assert len(elements) == sum(len(part) for part in mesh.findall("Elements")) == 6 * 6**3
    corners = np.array([[nodes[i] for i in each] for each in elements.values()])
    jacobians = np.linalg.det(corners[:, 1:] - corners[:, :1])
    assert jacobians.min() > 0
    parts = {p.attrib["name"]: [int(e.attrib["id"]) for e in p] for p in mesh.findall("Elements")}
    number = {each: row for row, each in enumerate(elements)}
    ml = {n: jacobians[[number[e] for e in ids]].sum() / 6000.0 for n, ids in parts.items()}
    assert ml == pytest.approx({"liver": WHOLE_ML - TUMOUR_ML, "tumour-1": TUMOUR_ML})
    faces = [(0, 1, 3), (1, 2, 3), (2, 0, 3), (2, 1, 0)]
    for surface in mesh.findall("Surface"):
        first = surface.attrib["name"].partition(".")[0]
        outward = {
            rolled
            for element in parts[first]
            for f in faces
            for rolled in _rolled([elements[element][i] for i in f])
        }
        told = [tuple(int(i) for i in t.text.split(",")) for t in surface]
        assert set(told) <= outward
        ids = mesh.find(f"NodeSet[@name='{surface.attrib['name']}']")
        assert {int(i) for i in ids.text.split(",")} == {i for t in told for i in t}


def _rolled(face: list[int]) -> list[tuple[int, ...]]:
    return [tuple(face[n:] + face[:n]) for n in range(3)]


def test_that_glb_is_upright_in_metres(place: Path) -> None:
    content = (place / "m.glb").read_bytes()
    magic, version, size, length = struct.unpack_from("<4sIII", content)
    told = json.loads(content[20 : 20 + length])
    assert (magic, version, size) == (b"glTF", 2, len(content))
    matrix = np.reshape(told["nodes"][0]["matrix"], (4, 4)).T
    head, left = np.array([0.0, 0.0, 1000.0, 1.0]), np.array([1000.0, 0.0, 0.0, 1.0])
    assert np.allclose(matrix @ head, [0.0, 1.0, 0.0, 1.0])
    assert np.allclose(matrix @ left, [1.0, 0.0, 0.0, 1.0])
    assert np.linalg.det(matrix[:3, :3]) > 0
    assert [mesh["name"] for mesh in told["meshes"]] == ["liver", "tumour-1"]


def test_that_vtk_reads_the_glb(place: Path) -> None:
    found = pyvista.read(place / "m.glb").combine().extract_surface(algorithm="dataset_surface")
    assert found.n_cells == 480
    assert np.allclose(np.ptp(np.reshape(found.bounds, (3, 2)), axis=1), 0.03, atol=1e-6)


@pytest.mark.parametrize("name", ["m.stl", "m.obj"])
def test_that_surfaces_enclose_the_structures(place: Path, name: str) -> None:
    found = pyvista.read(place / name)
    total = enclosed_ml(np.asarray(found.points, dtype=float), found.regular_faces)
    assert total == pytest.approx(WHOLE_ML + TUMOUR_ML, rel=1e-4)
    text = (place / name).read_text()
    assert "\nsolid tumour-1\n" in text or "\no tumour-1\n" in text


def test_that_cut_faces_are_told_from_the_outside() -> None:
    mesh = cube()
    outside = mesh.surface("liver")
    below = outside[(mesh.points[outside][:, :, 2] == 0).all(axis=1)]
    sheets = Tagged(mesh, cut=below[:, ::-1]).sheets
    assert len(sheets["liver.cut"].triangles) == len(below)
    assert len(sheets["liver.outside"].triangles) == len(outside) - len(below)


def test_that_an_unknown_ending_is_refused(tagged: Tagged, tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match="vtu"):
        write_mesh(tmp_path / "m.msh", tagged)


def test_that_what_was_there_stays_when_a_file_cannot_be_written(
    tagged: Tagged, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInput):
        write_mesh(tmp_path / "file" / "m.vtu", tagged)
    assert (tmp_path / "file").read_text() == "mine"


def test_that_two_regions_may_not_share_a_number(tagged: Tagged) -> None:
    with pytest.raises(BadArgument):
        Tagged(tagged.mesh, {"liver": 3, "tumour-1": 3})


def test_that_odd_names_stay_apart() -> None:
    mesh = cube()
    first, second = mesh.structures
    odd = (
        type(first)("7 é", 1, "organ", first.code, first.colour),
        type(first)("outside", 101, "tumour", second.code, second.colour, "7 é"),
    )
    tagged = Tagged(OrganMesh(mesh.points, mesh.tetrahedra, mesh.regions, odd))
    assert list(tagged.sheets) == ["n-7--.outside", "outside-101.n-7--"]


def test_that_names_unlike_only_in_case_or_accents_stay_apart_in_every_format() -> None:
    """CalculiX would take ELSET=Liver and ELSET=liver for one set."""
    mesh = cube()
    first, second = mesh.structures
    names = [("Läsion", "lÖsion", "l-sion"), ("Liver", "liver", "liver-101")]
    for one, two, last in names:
        both = (replace(first, name=one), replace(second, name=two, within=one))
        tagged = Tagged(OrganMesh(mesh.points, mesh.tetrahedra, mesh.regions, both))
        assert len({name.casefold() for name in tagged.regions_by_name}) == 2
        words = told_apart({one: 1, two: 101, last: 3})
        assert len({word.casefold() for word in words.values()}) == 3
        shells = {one: tagged.shells()[tagged.names[first.label]]} | {
            two: tagged.shells()[tagged.names[second.label]]
        }
        objects = [row for row in obj_bytes(shells).decode().splitlines() if row.startswith("o ")]
        assert len({row.casefold() for row in objects}) == 2


def test_that_names_of_surfaces_fit_what_abaqus_allows() -> None:
    mesh = cube()
    first, second = mesh.structures
    long = tuple(replace(s, name="a" * 90 + str(s.label), within="") for s in (first, second))
    tagged = Tagged(OrganMesh(mesh.points, mesh.tetrahedra, mesh.regions, long))
    assert len(tagged.regions_by_name) == 2
    assert max(map(len, tagged.sheets)) <= 80
