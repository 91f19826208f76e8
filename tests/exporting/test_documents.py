"""Surfaces, report and pictures inside DICOM, and as plain files."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from organtwin.core.errors import BadInput
from organtwin.core.watch import Watch
from organtwin.exporting import Piece, export
from organtwin.exporting.files import write_pieces
from organtwin.exporting.stl import stl_bytes
from tests.exporting.visits import turned, whole, written
from tests.phantoms import liver_phantom

SQUARE = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
HALVES = np.array([[0, 1, 2], [0, 2, 3]])


def volume_ml(corners: np.ndarray) -> float:
    """Volume in a closed surface of triangles (n, 3, 3) mm, by the divergence theorem."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6000.0)


def stl_corners(content: bytes) -> np.ndarray:
    count = int(np.frombuffer(content, "<u4", 1, 80)[0])
    facets = np.frombuffer(content, np.uint8, 50 * count, 84).reshape(count, 50)
    numbers = np.ascontiguousarray(facets[:, :48]).view("<f4")
    return numbers.reshape(count, 4, 3)[:, 1:].astype(np.float64)


def test_that_stl_is_84_bytes_and_50_for_each_triangle() -> None:
    content = stl_bytes(SQUARE, HALVES)
    assert len(content) == 84 + 2 * 50
    assert np.allclose(stl_corners(content), SQUARE[HALVES])
    assert np.allclose(np.frombuffer(content, "<f4", 3, 84), [0, 0, 1])


def test_that_an_encapsulated_surface_encloses_its_structures_volume(tmp_path: Path) -> None:
    one = whole(turned(liver_phantom((4.0, 4.0, 3.0))))
    seen = pydicom.dcmread(next(p for p in written("stl", one, tmp_path) if "liver" in p.name))
    inside = volume_ml(stl_corners(seen.EncapsulatedDocument))
    assert inside == pytest.approx(one.labels.volume_ml("liver"), rel=1e-3)
    assert seen.MeasurementUnitsCodeSequence[0].CodeValue == "mm"
    assert seen.FrameOfReferenceUID == "1.2.3.9"


def test_that_obj_and_stl_hold_the_same_triangles(tmp_path: Path) -> None:
    one = whole(plain=True)
    lines = written("obj", one, tmp_path)[0].read_text().splitlines()
    points = np.array([line.split()[1:] for line in lines if line.startswith("v ")], float)
    faces = np.array([line.split()[1:] for line in lines if line.startswith("f ")], int) - 1
    files = written("stl", one, tmp_path)
    corners = np.concatenate([stl_corners(path.read_bytes()) for path in files])
    assert np.abs(points[faces] - corners).max() < 1e-3


def test_that_plain_surfaces_are_named_by_structure(tmp_path: Path) -> None:
    names = {path.name for path in written("stl", whole(plain=True), tmp_path)}
    assert names == {f"{s.name}.stl" for s in whole().structures}


def test_that_the_report_comes_out_as_it_went_in(tmp_path: Path) -> None:
    seen = pydicom.dcmread(written("pdf", whole(), tmp_path)[0])
    assert seen.EncapsulatedDocument[: seen.EncapsulatedDocumentLength] == b"%PDF-1.4 odd"
    assert seen.BurnedInAnnotation == "YES"


def test_that_a_picture_is_read_pixel_by_pixel(tmp_path: Path) -> None:
    path = written("sc", whole(), tmp_path)[0]
    seen = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    assert seen.shape == (1, 31, 33, 3)
    assert np.unique(seen.reshape(-1, 3), axis=0).tolist() == [[10, 20, 30]]
    assert pydicom.dcmread(path).BurnedInAnnotation == "NO"


def test_that_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    def pieces():  # noqa: ANN202
        yield Piece("first.stl", b"there")
        raise BadInput("no more")

    with pytest.raises(BadInput):
        write_pieces(pieces(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_that_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        write_pieces(export("obj").pieces(whole(plain=True), Watch()), tmp_path / "file" / "x")
