from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from organtwin.ui.child import Child


def test_that_a_child_runs_nothing_of_the_folder_it_starts_in(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("open('sprung', 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", ":.")
    child = Child("organtwin.ui.aside", [])
    with qtbot.waitSignal(child.ended, timeout=20_000) as ended:
        child.start({"question": "formats"})
    assert ended.args is not None
    assert "formats" in ended.args[0]
    assert not Path("sprung").exists()


def test_that_names_that_are_no_text_reach_the_window(qtbot: QtBot, tmp_path: Path) -> None:
    child = Child("organtwin.ui.aside", [])
    with qtbot.waitSignal(child.ended, timeout=20_000) as ended:
        child.start({"question": "verify", "path": str(tmp_path / "M\udcfcller.zip")})
    assert ended.args is not None
    assert ended.args[0]["where"].endswith("M\udcfcller.zip")
