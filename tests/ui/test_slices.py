import numpy as np
import pytest
from numpy.typing import NDArray

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume
from organtwin.ui.viewing import Viewing
from organtwin.ui.views.contours import outline
from organtwin.ui.views.framing import voxel_frame
from organtwin.ui.views.slicing import Plane, canonical

LPS = np.diag([1.0, 2.0, 3.0, 1.0])
RAS = np.diag([-1.0, -2.0, 3.0, 1.0])


@pytest.mark.parametrize("affine", [LPS, RAS], ids=["LPS", "RAS"])
@pytest.mark.parametrize(
    ("plane", "edges"),
    [("axial", "RLAP"), ("coronal", "RLSI"), ("sagittal", "APSI")],
)
def test_that_letters_are_a_radiologists(
    affine: NDArray[np.float64], plane: Plane, edges: str
) -> None:
    """Left, right, top, bottom of the screen, whatever way the file was stored."""
    grid = canonical(np.zeros((4, 5, 6)), affine)
    assert "".join(voxel_frame(grid, plane).letters()) == edges


def test_that_a_tilted_grid_gets_two_letters() -> None:
    turned = np.eye(4)
    turned[:2, :2] = [[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]]
    assert voxel_frame(canonical(np.zeros((4, 4, 4)), turned), "axial").letters()[1] == "LP"


def test_that_every_voxel_keeps_its_place() -> None:
    """A grid stored superior, anterior, right first: each value stays where it was in the body."""
    values = np.arange(24).reshape(2, 3, 4)
    affine = np.array([[0, 0, -1.5, 9], [0, -2, 0, 8], [3.0, 0, 0, 7], [0, 0, 0, 1]])
    grid = canonical(values, affine)
    for index in np.ndindex(values.shape):
        place = affine[:3, :3] @ index + affine[:3, 3]
        assert grid.array[tuple(np.round(grid.index(place)).astype(int))] == values[index]


def test_that_the_patients_right_is_at_the_left_of_an_axial_slice() -> None:
    array = np.zeros((3, 3, 1))
    array[0, 1, 0] = 7.0  # the smallest L: the patient's right
    assert canonical(array, LPS).slice("axial", 0)[1, 0] == 7.0


def test_that_the_head_is_at_the_top_of_a_coronal_slice() -> None:
    array = np.zeros((1, 1, 5))
    array[0, 0, 4] = 7.0
    assert canonical(array, LPS).slice("coronal", 0)[0, 0] == 7.0


def test_that_an_outline_encloses_its_area() -> None:
    """A disc of radius 20 pixels has an area of 1257."""
    y, x = np.mgrid[:64, :64]
    path = outline((x - 31.5) ** 2 + (y - 31.5) ** 2 < 400)
    polygon = path.toFillPolygon()
    corners = np.array([(p.x(), p.y()) for p in polygon])
    a, b = corners, np.roll(corners, -1, axis=0)
    area = abs(float(np.sum(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]))) / 2
    assert area == pytest.approx(1257, rel=0.02)


def test_that_the_crosshair_stays_inside_the_image(phantom: tuple[Volume, LabelMap]) -> None:
    viewing = Viewing()
    viewing.show_image(phantom[0])
    viewing.move_to(np.array([1e6, 0.0, 0.0]))
    assert viewing.value_at(viewing.cursor_mm) is not None
