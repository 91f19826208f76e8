"""Small pictures and single slices of series, as they come before anything is read whole."""

from pathlib import Path

import numpy as np
import pytest

from organtwin.core.errors import BadInput
from organtwin.core.watch import Watch
from organtwin.importing import read_volume, scan
from organtwin.importing.previews import placed_slice, slice_of, thumbnail, window_of
from tests.importing.conftest import Write
from tests.slices import slice_of as dicom_slice

AXIAL = [1, 0, 0, 0, 1, 0]
CORONAL = [1, 0, 0, 0, 0, -1]
SAGITTAL = [0, 1, 0, 0, 0, -1]


def marked(folder: Path, orientation: list[float], step: tuple[float, float, float]) -> Path:
    """Write 3 slices that are bright in their first row and column only; 1 mm by 2 mm pixels."""
    folder.mkdir(exist_ok=True)
    pixels = np.full((20, 30), 0)
    pixels[:4, :4] = 3000
    for n in range(3):
        place = np.multiply(n, step)
        said = {"ImageOrientationPatient": orientation}
        dicom_slice(pixels, place, **said).save_as(folder / f"{n}.dcm", enforce_file_format=True)
    return folder


@pytest.mark.parametrize(
    ("orientation", "step", "bright"),
    [
        (AXIAL, (0, 0, 3.0), (0, 0)),  # the patient's right in front: top left on the screen
        ([-1, 0, 0, 0, 1, 0], (0, 0, 3.0), (0, -1)),  # left in front: top right
        ([0, 1, 0, 1, 0, 0], (0, 0, 3.0), (0, 0)),  # rows run to the back: turned
        (CORONAL, (0, 3.0, 0), (0, 0)),  # right and head: top left
        ([1, 0, 0, 0, 0, 1], (0, 3.0, 0), (-1, 0)),  # right and feet: bottom left
        (SAGITTAL, (3.0, 0, 0), (0, 0)),  # front and head: top left
    ],
)
def test_that_a_thumbnail_is_turned_as_a_radiologist_sees_it(
    tmp_path: Path, orientation: list[float], step: tuple[float, float, float], bright: list[int]
) -> None:
    (series,) = scan(marked(tmp_path / "x", orientation, step), Watch()).series
    grey = thumbnail(series)
    assert grey[tuple(bright)] == 255
    assert (grey == 255).mean() < 0.1


def test_that_a_thumbnail_has_its_aspect_in_mm(tmp_path: Path) -> None:
    """20 rows of 2 mm by 30 columns of 1 mm: 40 by 30 mm, scaled to 96 by 72."""
    (series,) = scan(marked(tmp_path / "x", AXIAL, (0, 0, 3.0)), Watch()).series
    assert thumbnail(series).shape == (96, 72)


def test_that_one_slice_has_the_values_of_the_volume(write: Write, tmp_path: Path) -> None:
    write([6.0, 0.0, 3.0])
    (series,) = scan(tmp_path / "dicom", Watch()).series
    volume = read_volume(series, Watch())
    for n in range(3):
        assert np.array_equal(slice_of(series, n).T, volume.voxels[:, :, n])
        values, affine = placed_slice(series, n)
        assert np.allclose(affine @ [2, 3, 0, 1], volume.affine @ [2, 3, n, 1])
        assert values.shape == (5, 4, 1)


def test_that_bright_and_dark_are_turned_where_the_file_says_so(tmp_path: Path) -> None:
    folder = marked(tmp_path / "x", AXIAL, (0, 0, 3.0))
    (series,) = scan(folder, Watch()).series
    before = thumbnail(series)
    pixels = np.full((20, 30), 0)
    pixels[:4, :4] = 3000
    for n in range(3):
        one = dicom_slice(pixels, (0, 0, 3.0 * n), PhotometricInterpretation="MONOCHROME1")
        one.save_as(folder / f"{n}.dcm", enforce_file_format=True)
    (series,) = scan(folder, Watch()).series
    assert np.array_equal(thumbnail(series), 255 - before)


def test_that_a_refused_series_gives_no_thumbnail(write: Write, tmp_path: Path) -> None:
    write([0.0])
    (series,) = scan(tmp_path / "dicom", Watch()).series
    with pytest.raises(BadInput, match="single slice"):
        thumbnail(series)


def test_that_a_file_changed_since_the_scan_gives_no_thumbnail(
    write: Write, tmp_path: Path
) -> None:
    paths = write([0.0, 3.0, 6.0])
    (series,) = scan(tmp_path / "dicom", Watch()).series
    for path in paths:
        path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(BadInput):
        thumbnail(series)


def test_that_every_series_of_the_real_sets_has_a_thumbnail_or_a_reason(shared: Path) -> None:
    able = [s for s in scan(shared / "odd-dicom-a", Watch()).series if s.refusal is None]
    for series in able:
        grey = thumbnail(series)
        assert grey.dtype == np.uint8
        assert max(grey.shape) == 96


def test_that_an_even_image_is_dark_not_bright() -> None:
    centre, width = window_of(np.full((3, 3), 7.0), "1")
    assert centre - width / 2 == 7.0
