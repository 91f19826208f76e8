from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from scipy import ndimage

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import GeometryReport, Volume
from organtwin.organs import organ
from organtwin.ui.viewing import Viewing, body_box
from organtwin.ui.views.contours import outline, outlines
from organtwin.ui.views.drags import begun
from organtwin.ui.views.framing import Frame, rotation, upright_frames, voxel_frame
from organtwin.ui.views.reslicing import Raster, Reslicer, Slab
from organtwin.ui.views.slice_drawing import bar_mm, grips, taken, words
from organtwin.ui.views.slicing import PLANES, Plane, canonical
from organtwin.ui.window import MainWindow
from organtwin.ui.windows import windows_of

LPS = np.diag([1.0, 2.0, 3.0, 1.0])
RAS = np.diag([-1.0, -2.0, 3.0, 1.0])


def volume_of(
    values: NDArray[np.int16], affine: NDArray[np.float64], unit: str = "HU", modality: str = "CT"
) -> Volume:
    return Volume(values, affine, unit, modality, GeometryReport((1.0, 1.0, 1.0), "LPS"))


def shown(values: NDArray[np.int16], affine: NDArray[np.float64]) -> Viewing:
    viewing = Viewing()
    viewing.show_image(volume_of(values, affine))
    return viewing


def test_that_resampled_planes_say_so() -> None:
    image = volume_of(np.zeros((4, 4, 9), np.int16), LPS)
    viewing = Viewing()
    viewing.show_image(image)
    assert viewing.resampled == ""
    geometry = replace(image.geometry, resampled_from=5)
    viewing.show_image(replace(image, geometry=geometry))
    assert viewing.resampled == "resampled from 5 slices to 9"


def test_that_the_crosshair_goes_and_comes_back(qtbot: QtBot, window: MainWindow) -> None:
    view = window.stage.slices["axial"]
    window.stage.tools.oblique.click()
    window.activateWindow()
    view.setFocus()
    assert grips(view)
    for shown in (False, True):
        qtbot.keyClick(view, Qt.Key.Key_X)
        assert view.viewing.crosshair is shown
        assert window.stage.pairing.second.crosshair is shown
        assert window.stage.tools.crosshair.isChecked() is shown
        assert bool(grips(view)) is shown


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


@pytest.mark.parametrize(
    ("plane", "edges"),
    [
        ("axial", ("R", "L", "AS", "PI")),
        ("coronal", ("R", "L", "SP", "IA")),
        ("sagittal", ("AS", "PI", "SP", "IA")),
    ],
)
def test_that_an_oblique_acquisition_says_so(plane: Plane, edges: tuple[str, ...]) -> None:
    """Directions of the brain MR of the shared data: pitched by 21° about L, so the letters are
    those of PS3.3 C.7.6.1.1.1 for the rows and columns as stored.
    """
    affine = np.eye(4)
    affine[:3, :3] = [[-0.975, -0.052, 0.034], [-0.061, 0.908, -0.363], [-0.012, -0.356, -0.931]]
    frame = voxel_frame(canonical(np.zeros((6, 6, 6)), affine), plane)
    assert frame.letters() == edges
    if plane == "axial":
        assert frame.tilt_deg("axial") == pytest.approx(21.4, abs=0.5)


def test_that_letters_follow_a_turned_plane() -> None:
    """The coronal plane turned by 30° clockwise in the axial view looks to right and front."""
    viewing = shown(np.zeros((20, 20, 20), np.int16, order="F"), LPS)
    viewing.set_oblique(True)
    viewing.turn("axial", 30.0)
    assert viewing.frame("axial").letters() == ("R", "L", "A", "P")
    assert viewing.frame("coronal").letters() == ("RA", "LP", "S", "I")
    assert viewing.frame("sagittal").letters() == ("AL", "PR", "S", "I")


def test_that_turned_planes_stay_square_and_through_the_crosshair() -> None:
    viewing = shown(np.zeros((20, 20, 20), np.int16, order="F"), LPS)
    viewing.set_oblique(True)
    before = {plane: viewing.frame(plane).flat(viewing.cursor_mm) for plane in PLANES}
    for plane, angle in (("axial", 30.0), ("sagittal", -50.0), ("coronal", 17.0)):
        viewing.turn(plane, angle)
    normals = np.array([viewing.frame(plane).normal for plane in PLANES])
    assert np.allclose(normals @ normals.T, np.eye(3), atol=1e-12)
    for plane in PLANES:
        assert np.allclose(viewing.frame(plane).flat(viewing.cursor_mm), before[plane], atol=1e-9)


def test_that_freed_planes_begin_where_the_voxels_are() -> None:
    affine = RAS @ np.diag([1.0, 1.0, 1.0, 1.0])
    grid = canonical(np.zeros((4, 5, 6)), affine)
    for plane, frame in upright_frames(grid).items():
        assert np.allclose(frame.axes, voxel_frame(grid, plane).axes)


def turned_grid() -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    values = np.asfortranarray(rng.integers(-500, 500, (40, 50, 30)).astype(np.int16))
    affine = np.eye(4)
    affine[:3, :3] = rotation(np.array([0.6, 0.0, 0.8]), 25.0) @ np.diag([0.7, 0.9, 2.5])
    return values, affine


def places(frame: Frame, raster: Raster, off_mm: float = 0.0) -> NDArray[np.float64]:
    right = raster.left_mm + raster.step_mm * np.arange(raster.size[0])
    down = raster.top_mm + raster.step_mm * np.arange(raster.size[1])
    u, v = np.meshgrid(right, down)
    flat = np.stack([u, v, np.full_like(u, raster.depth_mm)], axis=-1)
    return frame.place_mm(flat) + off_mm * frame.normal


@pytest.mark.parametrize("slab", [Slab(), Slab("mean", 6.0), Slab("highest", 6.0)])
def test_that_an_oblique_cut_is_trilinear(slab: Slab) -> None:
    """Against scipy's map_coordinates, rounded to whole values as the image's are."""
    values, affine = turned_grid()
    grid = canonical(values, affine)
    about = grid.position_mm(np.array([20.0, 25.0, 15.0]))
    frame = upright_frames(grid)["coronal"].turned(rotation(np.array([0, 0, 1.0]), 17.0), about)
    raster = Raster(-5.0, -9.0, 0.37, (28, 48), 1.3)
    reslicer = Reslicer(values, affine)
    count, apart = reslicer.planes(slab)
    planes = [
        ndimage.map_coordinates(
            grid.array.astype(float),
            np.moveaxis(grid.index(places(frame, raster, (n - (count - 1) / 2) * apart)), -1, 0),
            order=1,
        )
        for n in range(count)
    ]
    joined = np.max(planes, axis=0) if slab.mode == "highest" else np.mean(planes, axis=0)
    assert np.abs(reslicer.sample(frame, raster, slab) - joined).max() < 0.51


def test_that_showing_a_volume_copies_nothing() -> None:
    values, affine = turned_grid()
    viewing = shown(values, affine)
    viewing.set_oblique(True)
    reslicer, _ = viewing.reslicers()
    assert np.shares_memory(viewing.volume.array, values)
    assert reslicer is not None
    assert np.shares_memory(reslicer._line, values)


def test_that_a_window_is_never_applied_to_another_unit() -> None:
    values, affine = turned_grid()
    viewing = shown(values, affine)
    viewing.set_window(40.0, 400.0)
    viewing.show_image(volume_of(values + np.int16(2000), affine, unit="1", modality="MR"))
    assert viewing.windows[0].name == "automatic"
    low, high = np.percentile(values + 2000.0, (1, 99))
    centre, width = viewing.window
    assert (centre - width / 2, centre + width / 2) == pytest.approx((low, high), abs=1.0)
    viewing.show_image(volume_of(values, affine))
    assert viewing.window != (centre, width)


def test_that_ct_windows_have_names_and_sources() -> None:
    windows = windows_of(organ("liver"), volume_of(*turned_grid()))
    assert [w.name for w in windows][:2] == ["liver", "abdomen"]
    assert {"lung", "bone", "brain", "soft tissue"} <= {w.name for w in windows}
    assert all(w.source for w in windows)


def test_that_a_number_key_takes_a_window(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.keyClick(window.stage.slices["axial"], Qt.Key.Key_2)
    abdomen = window.showing.viewing.windows[1]
    assert window.showing.viewing.window == (abdomen.centre, abdomen.width)


def test_that_centre_and_width_can_be_typed(qtbot: QtBot, window: MainWindow) -> None:
    field = window.stage.bar._width
    field.selectAll()
    qtbot.keyClicks(field, "350")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert window.showing.viewing.window[1] == 350.0


def test_that_letters_are_written_last_at_all_four_edges(window: MainWindow) -> None:
    view = window.stage.slices["axial"]
    for on in (False, True):
        window.showing.viewing.set_oblique(on)
        assert [text for _, text, _, _ in words(view)[:4]] == ["R", "L", "A", "P"]


def test_that_a_grip_turns_the_other_planes(qtbot: QtBot, window: MainWindow) -> None:
    window.stage.tools.oblique.click()
    viewing, axial = window.showing.viewing, window.stage.slices["axial"]
    viewing.move_to(viewing.volume.position_mm(np.array(viewing.volume.array.shape) / 2.0))
    centre = axial.to_screen(viewing.cursor_mm)
    plane, start = grips(axial)[0]
    held = begun(axial, Qt.MouseButton.LeftButton, start)
    away = start - centre
    held.move(centre + QPointF(-away.y(), away.x()))  # a quarter turn clockwise
    assert plane == "coronal"
    assert viewing.frame("axial").letters() == ("R", "L", "A", "P")
    assert viewing.frame("coronal").letters() == ("A", "P", "S", "I")


def test_that_words_leave_the_letters_free_in_a_small_view(window: MainWindow) -> None:
    view = window.stage.slices["axial"]
    view.resize(240, 160)
    letters, rest = taken(view)[:4], taken(view)[4:]
    assert not [box for box in rest if any(box.intersects(letter) for letter in letters)]


def test_that_one_view_fills_the_stage(window: MainWindow) -> None:
    view = window.stage.slices["coronal"]
    window.stage.maximise(view)
    QApplication.processEvents()
    assert view.width() > 0.95 * window.stage.width()
    window.stage.maximise(None)
    QApplication.processEvents()
    assert view.width() < 0.55 * window.stage.width()


@pytest.mark.parametrize(("most", "bar"), [(99.0, 50.0), (100.0, 100.0), (23.0, 20.0), (0.9, 0.5)])
def test_that_a_scale_bar_has_a_round_length(most: float, bar: float) -> None:
    assert bar_mm(most) == pytest.approx(bar)


def test_that_the_body_is_found_on_part_of_the_voxels() -> None:
    array = np.full((64, 64, 200), -1000, np.int16, order="F")
    array[16:48, 12:52, 40:160] = 30
    low, high = body_box(array, "HU")
    assert (low <= [16, 12, 40]).all()
    assert (high >= [47, 51, 159]).all()
    assert (low >= [8, 4, 32]).all()
    assert (high <= [56, 60, 168]).all()


def test_that_an_outline_encloses_its_area() -> None:
    """A disc of radius 20 pixels has an area of 1257."""
    y, x = np.mgrid[:64, :64]
    path = outline((x - 31.5) ** 2 + (y - 31.5) ** 2 < 400)
    polygon = path.toFillPolygon()
    corners = np.array([(p.x(), p.y()) for p in polygon])
    a, b = corners, np.roll(corners, -1, axis=0)
    area = abs(float(np.sum(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]))) / 2
    assert area == pytest.approx(1257, rel=0.02)


def test_that_a_coarse_outline_runs_where_the_fine_one_does() -> None:
    """Every second pixel of a disc: borders apart by less than a pixel all around."""
    y, x = np.mgrid[:128, :128]
    plate = ((x - 60.5) ** 2 + (y - 70.5) ** 2 < 40.0**2).astype(np.uint8)
    liver = organ("liver").structures[:1]
    boxes = [
        outlines(plate, liver, coarse=coarse)[0][1].boundingRect().getCoords()
        for coarse in (False, True)
    ]
    assert boxes[0] == pytest.approx((21.0, 31.0, 101.0, 111.0), abs=0.6)
    assert boxes[1] == pytest.approx(boxes[0], abs=1.0)


def test_that_keys_work_while_the_pictures_have_the_keyboard(window: MainWindow) -> None:
    keys = {s.key().toString(): s for s in window.stage.findChildren(QShortcut)}
    assert set("OLSBXDAERF") | {"Shift+O"} <= set(keys)
    keys["O"].activated.emit()
    assert window.showing.viewing.oblique is not None
    keys["D"].activated.emit()
    assert window.showing.viewing.measures.tool == "ruler"


def test_that_the_crosshair_stays_inside_the_image(phantom: tuple[Volume, LabelMap]) -> None:
    viewing = Viewing()
    viewing.show_image(phantom[0])
    viewing.move_to(np.array([1e6, 0.0, 0.0]))
    assert viewing.value_at(viewing.cursor_mm) is not None
