"""The look needs no files but those that are installed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QCheckBox
from pytestqt.qtbot import QtBot

from organtwin.ui import theme

APPLY = """
import sys, time
from PySide6.QtWidgets import QApplication
from organtwin.ui import theme
app = QApplication(sys.argv)
theme.apply(app, "light")
theme.apply(app, "dark")
print("dressed", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("which", ["dark", "light"])
def test_that_the_icons_of_the_style_sheet_have_the_colours_of_the_scheme(
    which: theme.Scheme,
) -> None:
    for _, name, token in theme.TINTED:
        plain = (theme.FOLDER / "icons" / f"{name}.svg").read_text(encoding="utf-8")
        tinted = theme.FOLDER / "tinted" / f"{name}-{token}-{which}.svg"
        colour = theme.tokens(which)[token]
        assert tinted.read_text(encoding="utf-8") == plain.replace("currentColor", colour)


def test_that_a_tick_is_drawn_in_a_checked_box(qtbot: QtBot) -> None:
    box = QCheckBox("chosen")
    qtbot.addWidget(box)
    box.setChecked(True)
    picture = box.grab().toImage()
    across = [(i, j) for i in range(4, 13) for j in range(picture.height())]
    shades = [picture.pixelColor(*place).lightness() for place in across]
    accent = theme.colour("accent").lightness()
    assert max(shades) == accent
    assert sum(shade < 0.7 * accent for shade in shades) >= 6


def test_that_a_killed_window_leaves_no_files(tmp_path: Path) -> None:
    there = {"TMPDIR": str(tmp_path), "HOME": str(tmp_path / "home")}
    with subprocess.Popen(
        [sys.executable, "-c", APPLY], stdout=subprocess.PIPE, env=os.environ | there, text=True
    ) as window:
        assert window.stdout is not None
        assert window.stdout.readline() == "dressed\n"
        window.send_signal(signal.SIGKILL)
    assert list(tmp_path.iterdir()) == []
