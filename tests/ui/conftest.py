"""A window on a small case; skipped where there is no display (`make test` starts one)."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from organtwin.casefolder import CaseFolder
from organtwin.core.case import Case, Visit
from organtwin.core.journal import Done
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import GeometryReport, Volume
from organtwin.ui import theme
from organtwin.ui.window import MainWindow
from tests.phantoms import liver_phantom


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))


@pytest.fixture(scope="session", autouse=True)
def dressed(request: pytest.FixtureRequest) -> None:
    if not os.environ.get("DISPLAY"):
        pytest.skip("no display: run with Xvfb (`make test` does)")
    theme.apply(request.getfixturevalue("qapp"), "dark")


@pytest.fixture(scope="session")
def phantom() -> tuple[Volume, LabelMap]:
    labels = liver_phantom((4.0, 4.0, 4.0))
    voxels = np.where(labels.labels > 0, 100, -80).astype(np.int16)
    geometry = GeometryReport((4.0, 4.0, 4.0), "LPS")
    return Volume(voxels, labels.affine, "HU", "CT", geometry, date(2024, 1, 8)), labels


@pytest.fixture
def case_path(tmp_path: Path, phantom: tuple[Volume, LabelMap]) -> Path:
    volume, labels = phantom
    path = tmp_path / "Müller, ein Fall"
    with CaseFolder.create(path, Case("phantom"), "tester") as folder:
        visit = Visit(0.0, volume.acquired, folder.put(volume), seen=True)
        case = folder.case.having(visits=(visit,))
        folder.append(case, Done("import", summary="1 visit"))
        folder.append(case.with_visit(0, labels=folder.put(labels)), Done("segment"))
    return path


@pytest.fixture
def window(qtbot: QtBot, case_path: Path) -> Iterator[MainWindow]:
    made = MainWindow()
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    assert made.open_case(case_path)
    yield made
    made.close()
