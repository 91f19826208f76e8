"""What is not finished is private, goes with its process, and nothing else goes with it."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from organtwin.core.children import environment
from organtwin.core.watch import Watch
from organtwin.deidentifying.copying import copy_deidentified
from organtwin.deidentifying.profile import Profile
from organtwin.deidentifying.staging import PREFIX, staged, sweep
from tests.deidentifying.test_deidentifying import SECRET, an_image, written


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "1.dcm"
    path.parent.mkdir()
    path.write_bytes(written(an_image()))
    return path


def copied(image: Path, to: Path) -> int:
    done = copy_deidentified([image], to, Profile(), SECRET, watch=Watch())
    return len(done.written)


@pytest.mark.parametrize("linked", [False, True])
def test_that_what_lies_beside_the_target_is_left_alone(
    image: Path, tmp_path: Path, linked: bool
) -> None:
    """A folder `.NAME.part` of the user, or a link to one, was cleared once."""
    own = tmp_path / "own" if linked else tmp_path / ".out.part"
    own.mkdir()
    (own / "thesis.txt").write_text("years of work")
    if linked:
        (tmp_path / ".out.part").symlink_to(own)
    assert copied(image, tmp_path / "out") == 1
    assert (own / "thesis.txt").read_text() == "years of work"


def test_that_only_the_user_can_read_the_copies(image: Path, tmp_path: Path) -> None:
    assert copied(image, tmp_path / "out") == 1
    made = [tmp_path / "out", *(tmp_path / "out").rglob("*")]
    assert {p.stat().st_mode & 0o777 for p in made if p.is_dir()} == {0o700}
    assert {p.stat().st_mode & 0o777 for p in made if p.is_file()} == {0o600}


def test_that_code_in_the_current_folder_does_not_run(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "pydicom", "numpy", "organtwin"):
        (image.parent / f"{name}.py").write_text("open('executed', 'w').close()\n")
    monkeypatch.chdir(image.parent)
    monkeypatch.setenv("PYTHONPATH", ".")
    assert copied(Path("1.dcm"), Path("../out")) == 1
    assert not (image.parent / "executed").exists()


def left_behind(parent: Path) -> Path:
    """Return a folder whose process was killed."""
    code = "import os, sys, signal; from pathlib import Path\n"
    code += "from organtwin.deidentifying.staging import staged\n"
    code += "with staged(Path(sys.argv[1])) as made:\n"
    code += "    (made / 'patient').touch(); os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code, str(parent)], env=environment(), check=False)
    (found,) = parent.glob(f"{PREFIX}*")
    return found


def test_that_what_a_killed_process_left_goes_at_the_next_run(tmp_path: Path) -> None:
    found = left_behind(tmp_path)
    assert (found / "files" / "patient").exists()
    with staged(tmp_path) as other:
        assert not found.exists()
        sweep(tmp_path)
        assert other.exists()
    assert list(tmp_path.iterdir()) == []


def test_that_folders_that_are_not_ours_are_not_swept(tmp_path: Path) -> None:
    """A copy, a folder open to others, a link, one without our mark."""
    found = left_behind(tmp_path)
    shutil.copytree(found, tmp_path / f"{PREFIX}copy")
    (tmp_path / f"{PREFIX}bare").mkdir(0o700)
    (tmp_path / "elsewhere").mkdir()
    found.rename(tmp_path / "elsewhere" / "kept")
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "elsewhere" / "kept")
    before = sorted(tmp_path.rglob("*"))
    sweep(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / "elsewhere" / "kept").rename(found)
    found.chmod(0o755)
    sweep(tmp_path)
    assert found.exists()


def test_that_killing_the_program_leaves_no_patient(image: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with zipfile.ZipFile(tmp_path / "pat.zip", "w") as archive:
        for number in range(2000):
            archive.write(image, f"{number}.dcm")
    (tmp_path / "secret").write_text(SECRET.hex())
    asked = ["deidentify", str(tmp_path / "pat.zip"), "--to", str(tmp_path / "out")]
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from organtwin.cli import main; main()",
            *asked,
            "--secret",
            str(tmp_path / "secret"),
        ],
        env=environment() | {"TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 20
    while not [*tmp_path.glob(f"{PREFIX}*/files/*/*")] and time.monotonic() < until:
        time.sleep(0.01)
    assert [*temporary.glob(f"{PREFIX}*/files/*/*.dcm")]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while (
        list(temporary.iterdir()) or [*tmp_path.glob(f"{PREFIX}*")]
    ) and time.monotonic() < until:
        time.sleep(0.01)
    assert list(temporary.iterdir()) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "pat.zip", "secret", "temporary"]
