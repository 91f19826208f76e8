"""Adding is one new file: copied under another name, a thing is found by its folder's registry."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LISTS = {
    "organtwin/organs/liver.py": ("liver", "from organtwin.organs import organs as things"),
    "organtwin/actions/wait.py": ("wait", "from organtwin.actions import action_kinds as things"),
    "organtwin/segmenting/tumour_click.py": (
        "tumour-click",
        "from organtwin.segmenting import methods as things",
    ),
    "organtwin/editing/grow.py": ("grow", "from organtwin.editing import edits as things"),
    "organtwin/exporting/sc.py": ("sc", "from organtwin.exporting import exports as things"),
    "organtwin/updating/es_mda.py": ("es_mda", "from organtwin.updating import rules as things"),
    "solvers/laws/mooney_rivlin.py": ("mooney_rivlin", "from solvers.laws import laws as things"),
    "solvers/growth/fisher_power.py": (
        "fisher_power",
        "from solvers.growth import growth_models as things",
    ),
}


@pytest.mark.parametrize("source", LISTS)
def test_that_a_dropped_file_is_found_by_name(tmp_path: Path, source: str) -> None:
    name, listing = LISTS[source]
    for package in ("organtwin", "solvers"):
        ignored = shutil.ignore_patterns("__pycache__", "cache", "ui")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    original = (tmp_path / source).read_text(encoding="utf-8")
    copied, count = re.subn(rf'(["\']){name}\1', '"dropped"', original)
    assert count >= 1
    (tmp_path / source).with_name("dropped.py").write_text(copied, encoding="utf-8")
    said = subprocess.run(
        [sys.executable, "-c", f"{listing}; print(*things())"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"dropped", name} <= set(said.stdout.split())
