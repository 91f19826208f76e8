from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import meshio
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from organtwin.casefolder import CaseFolder
from organtwin.core.journal import Done
from organtwin.core.organmesh import MeshQuality, OrganMesh, RegionFigures, WorstElement
from organtwin.ui.pages.mesh_page import MeshPage
from organtwin.ui.resection import Sight
from organtwin.ui.window import MainWindow
from tests.meshing.cubes import cube

PLACE = (12.0, -7.0, 4.0)


@pytest.fixture
def made() -> OrganMesh:
    mesh = cube(4, 8.0)
    points = mesh.points - mesh.points.mean(axis=0) + PLACE
    return replace(mesh, points=points)


@pytest.fixture
def page(qtbot: QtBot, case_path: Path, made: OrganMesh) -> Iterator[MeshPage]:
    """The page of a case whose mesh is a cube; figures that no cube has, to be shown as told."""
    middle = made.points[made.tetrahedra[5]].mean(axis=0)
    quality = MeshQuality(
        points=len(made.points),
        tetrahedra=len(made.tetrahedra),
        min_dihedral_deg=12.3,
        below_10_deg_percent=0.0,
        edge_median_mm=8.0,
        volume_error_percent=(("liver", -0.4),),
        from_15_deg_percent=99.7,
        histogram=(0, 0, 2, 3, 4),
        worst=(WorstElement(5, 12.3, tuple(middle.tolist()), "liver"),),
        regions=(RegionFigures("liver", 32.9, 32.8, -0.4, 1.25, 0.31, 0.5, 2, True, 0),),
    )
    with CaseFolder.open(case_path) as folder:
        case = folder.case.having(mesh=folder.put(made), mesh_quality=folder.put(quality))
        folder.append(case, Done("mesh"))
    window = MainWindow()
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    assert window.open_case(case_path)
    window.choose_page("mesh")
    shown = window.page("mesh")
    assert isinstance(shown, MeshPage)
    qtbot.waitUntil(lambda: bool(shown._formats), timeout=90_000)
    yield shown
    window.close()


def test_that_the_mesh_page_shows_flies_and_exports(
    page: MeshPage, made: OrganMesh, qtbot: QtBot, tmp_path: Path
) -> None:
    """One window for all, for it takes its time: regions, the worst element, a file."""
    told = [page._regions.item(0, column).text() for column in range(4)]
    assert told == ["liver", "32.9\n32.8", "-0.4 %", "1.25"]
    assert "2 pieces, watertight" in page._regions.item(0, 0).toolTip()

    page._worst.selectRow(0)
    organ = page.window().stage.organ  # type: ignore[attr-defined]
    middle = made.points[made.tetrahedra[5]]
    layers = {layer.name: layer for layer in organ.scene.layers}
    assert np.allclose(layers["mesh/element 5"].points, middle)
    assert np.allclose(
        organ.camera.GetFocalPoint(), (middle.min(axis=0) + middle.max(axis=0)) / 2, atol=1e-6
    )
    assert np.allclose(page.showing.viewing.cursor_mm, middle.mean(axis=0), atol=4.0)

    page.write_to(str(tmp_path / "mesh.vtu"))
    qtbot.waitUntil(lambda: page._said.text().startswith("Written"), timeout=30_000)
    assert len(meshio.read(tmp_path / "mesh.vtu").cells_dict["tetra"]) == len(made.tetrahedra)


def test_that_a_mesh_is_cut_by_a_plane_held_in_3d(
    page: MeshPage, made: OrganMesh, qtbot: QtBot, tmp_path: Path
) -> None:
    """Drag, cut, read the volumes, write both parts, remove the cut, undo that."""
    tool, whole_ml = page._cut, 32.768
    tool._on.setChecked(True)
    page.showing.plane_dragged.emit(np.array(PLACE), np.array([0.0, 0.6, 0.8]))
    assert tool._form.values()["normal"] == pytest.approx((0.0, 0.6, 0.8))
    assert "About 16 mL stay, 16 mL are cut off" in tool._about.text()
    assert page.showing.scene().title.startswith("Cut, before")

    tool._do.click()
    qtbot.waitUntil(lambda: tool.made() is not None, timeout=60_000)
    found = tool.made()
    assert found is not None
    assert found.keeps_promises
    assert "mL stay, 50 % of the liver as meshed with its tumours" in tool._result.text()
    assert "smallest angle" in tool._result.toolTip()
    rows = [[tool._table.item(0, c).text() for c in range(3)]]
    assert float(rows[0][1]) + float(rows[0][2]) == pytest.approx(whole_ml, abs=0.04)
    assert page.showing.scene().title == "Remnant and specimen"
    page.write_to(str(tmp_path / "mesh.vtu"), cut=True)
    qtbot.waitUntil(lambda: page._said.text().startswith("Written"), timeout=30_000)
    parts = [meshio.read(tmp_path / f"mesh-{name}.vtu") for name in found.parts]
    assert all("liver.cut" in part.field_data for part in parts)

    qtbot.waitUntil(lambda: not page.session.busy, timeout=30_000)
    tool._forget.click()
    qtbot.waitUntil(lambda: tool.made() is None, timeout=60_000)
    qtbot.waitUntil(lambda: not page.session.busy, timeout=30_000)
    page.session.undo()
    qtbot.waitUntil(lambda: tool.made() is not None, timeout=30_000)


def test_that_lines_drawn_in_slices_show_what_they_would_cut(
    page: MeshPage, made: OrganMesh, qtbot: QtBot
) -> None:
    """A line across the cube, one of its points dragged, a second line; then the mesh changes."""
    tool = page._cut
    tool._on.setChecked(True)
    tool.choose(("lines", ""))
    tool._follow()
    assert not tool._do.isEnabled()
    tool._lines.drawing.setChecked(True)
    view = page.window().stage.slices["axial"]  # type: ignore[attr-defined]
    view.viewing.move_to(np.array(PLACE))
    ends = [view.to_screen(np.add(PLACE, (x, 4.0, 0.0))).toPoint() for x in (-24.0, 24.0)]
    drag(qtbot, view, ends)
    ((left, *_, right),) = tool._lines.resection.lines
    gone_ml = float(tool._about.text().split("stay, ")[1].split(" mL")[0])
    assert gone_ml == pytest.approx(32.768 * 12.0 / 32.0, abs=0.7)
    assert {layer.name for layer in page.showing.scene().layers} >= {"cut/surface", "mesh/liver"}

    drag(qtbot, view, [view.to_screen(right).toPoint(), ends[1] + QPoint(0, 25)])
    assert tool._lines.resection.lines[0][-1][1] > right[1] + 1.0
    assert np.allclose(tool._lines.resection.lines[0][0], left)
    view.step(3)
    drag(qtbot, view, ends)
    assert len(tool._lines.resection.lines) == 2
    assert tool._do.isEnabled()

    asked = tool.asked()
    case = page.session.case.having(cut="")
    for done in (Done("cut", asked), Done("mesh")):
        page.session._append(case, asdict(done))
    tool._lines.resection.set_lines((), None)
    tool.refresh(made)
    assert tool._stale.isVisible()
    assert tool.asked() == asked

    organ = page.window().stage.organ  # type: ignore[attr-defined]
    tool._lines.drawing.setChecked(True)
    drag(qtbot, organ, [QPoint(20, 20), QPoint(organ.width() - 20, organ.height() - 20)])
    assert len(tool._lines.resection.lines) == 1
    assert tool.asked()["eye_mm"] == pytest.approx(organ.camera.GetPosition(), abs=0.01)
    assert tool._lines.heights() is not None

    turn = np.linspace(0.0, 6.0, 8)
    ring = np.stack([12.0 * np.cos(turn), 12.0 * np.sin(turn), 0.0 * turn], axis=1) + PLACE
    tool._lines.resection.set_lines((ring,), Sight(np.array([0.0, 0.0, 1.0]), 1.0))
    assert tool._about.text().startswith("A closed line cannot be cut")
    assert tool._about.property("role") == "warn"


def drag(qtbot: QtBot, view: QWidget, places: list[QPoint]) -> None:
    """Press at the first place, go through halves of the way, and let go at the last."""
    first, last = places
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=first)
    for part in (0.25, 0.5, 0.75, 1.0):
        qtbot.mouseMove(view, first + (last - first) * part)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=last)
