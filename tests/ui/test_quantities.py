"""The numbers of structures under the pictures, and two label maps held against each other."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.exporting.nifti import write_voxels
from organtwin.ui import aside, theme
from organtwin.ui.quantities import BY_SURFACE, LINES
from organtwin.ui.window import MainWindow

Phantom = tuple[Volume, LabelMap]
FLAGGED = {
    "structure": "liver", "kind": "organ", "geometry": "good", "diameters": None, "values": None,
    "volume": {"voxels_ml": 1.0, "surface_ml": 1.1, "difference_percent": 9.5, "geometry_ml": 0.1,
               "flag": True}, "notes": [],
}  # fmt: skip


def test_that_structures_are_measured_and_a_row_shows_its_diameters(
    window: MainWindow, qtbot: QtBot, phantom: Phantom
) -> None:
    panel = window.stage.quantities
    panel.switch.click()
    qtbot.waitUntil(lambda: bool(panel.found), timeout=60_000)
    names = [one["structure"] for one in panel.found]
    panel.table.selectRow(names.index("tumour-1"))
    viewing = window.showing.viewing
    drawn = {m.number: m.points_mm for m in viewing.measures.of(viewing.image)}
    found = panel.found[names.index("tumour-1")]["diameters"]
    assert np.array(drawn[LINES["long_axis"]]) == pytest.approx(
        np.array([found["long_axis"]["start_mm"], found["long_axis"]["end_mm"]])
    )
    assert viewing.structure_at(viewing.cursor_mm) == "tumour-1"
    panel.copy.click()
    rows = list(csv.DictReader(io.StringIO(QGuiApplication.clipboard().text())))
    _, labels = phantom
    assert float(rows[0]["volume_voxels_ml"]) == pytest.approx(labels.volume_ml("liver"))
    panel.switch.click()
    assert viewing.measures.of(viewing.image) == ()
    assert len(window.session.entries) == 3  # made, imported, segmented: looking is no step


def test_that_two_label_maps_are_held_against_each_other(
    window: MainWindow, tmp_path: Path, phantom: Phantom
) -> None:
    _, labels = phantom
    other = np.roll(labels.labels, 1, axis=0)
    path = tmp_path / "other.nii.gz"
    names = {s.label: s.name for s in labels.structures}
    write_voxels(path, np.asfortranarray(other), labels.affine, names=names, watch=Watch())
    dialog = window.stage.quantities.open_comparison()
    dialog.add_file(dialog.second, str(path))
    sides = [dialog.first.currentData(), dialog.second.currentData()]
    assert sides == [{"visit": 0}, {"file": str(path)}]
    folder = window.session.folder
    asked = {"case": str(folder.path), "sides": sides, "out": str(tmp_path / "map.npz")}
    dialog._told(aside.agreement(asked, Watch()))
    liver = next(one for one in dialog.found if one["structure"] == "liver")
    assert liver["hausdorff_mm"] == pytest.approx(4.0, abs=0.01)  # shifted by a voxel of 4 mm
    assert liver["second_ml"] == pytest.approx(labels.volume_ml("liver"))
    (layer,) = dialog.view.scene.layers
    assert float(np.abs(layer.values).max()) == pytest.approx(4.0, abs=0.01)
    assert dialog.view.scene.scale is not None
    assert dialog.view.scene.scale.diverging
    assert not (tmp_path / "map.npz").exists()
    dialog.close()


def test_that_targets_are_added_up_over_the_visits_and_may_be_chosen(
    window: MainWindow, qtbot: QtBot
) -> None:
    panel = window.stage.quantities
    asked = {"case": str(window.session.folder.path), "visit": 0, "inset_mm": 0.0}
    told = aside.quantities(asked, Watch())
    panel.sums.show_course(told["course"])
    assert panel.sums.said.text().startswith("tumour-1 + tumour-2: day 0 ")
    with qtbot.waitSignal(panel.sums.chosen):
        panel.sums.menu.actions()[0].trigger()
    assert window.session.case.targets == ("tumour-2",)
    assert aside.quantities(asked, Watch())["course"]["targets"] == ["tumour-2"]


def test_that_a_flagged_volume_follows_the_scheme(window: MainWindow) -> None:
    table = window.stage.quantities
    table.switch.setChecked(True)
    table._take(("", 0.0), [FLAGGED], "")
    for scheme in ("light", "dark"):
        window.set_scheme(scheme)
        cell = table.table.item(0, BY_SURFACE)
        assert cell is not None
        assert cell.foreground().color().name() == theme.tokens(scheme)["warn"]
