import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from organtwin.core.temporary import private_folder, remove_abandoned

PREFIX = "organtwin-look-"


def _folder(at: Path, mode: int) -> Path:
    at.mkdir()
    at.chmod(mode)
    return at


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o1777])
def test_that_folders_open_to_others_are_left_alone(tmp_path: Path, mode: int) -> None:
    left = _folder(tmp_path / "organtwin-look-a", mode)
    (left / ".lock").write_text("theirs")
    remove_abandoned(tmp_path, "organtwin-look-")
    assert (left / ".lock").read_text() == "theirs"


def test_that_a_lock_linked_to_a_document_costs_it_nothing(tmp_path: Path) -> None:
    victim = tmp_path / "thesis"
    victim.write_text("years")
    left = _folder(tmp_path / "organtwin-look-a", 0o700)
    (left / ".lock").symlink_to(victim)
    (tmp_path / "organtwin-look-b").symlink_to(left)
    remove_abandoned(tmp_path, "organtwin-look-")
    assert victim.read_text() == "years"
    assert left.is_dir()


KEEPS = """
import tempfile, time
from organtwin.core.temporary import private_folder
with private_folder("organtwin-look-") as folder:
    (folder / "slice").touch()
    print("there", flush=True)
    time.sleep(60)
"""


def test_that_what_a_killed_process_left_is_removed_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    child = subprocess.Popen(
        [sys.executable, "-c", KEEPS],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        with private_folder(PREFIX):
            assert len(list(tmp_path.iterdir())) == 2
        child.send_signal(signal.SIGKILL)
    assert len(list(tmp_path.iterdir())) == 1
    with private_folder(PREFIX) as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []
