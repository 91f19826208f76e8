"""An import that ends early, however it ends, leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from organtwin.casefolder import CaseFolder
from organtwin.core.case import Case
from organtwin.core.errors import Stopped
from organtwin.core.watch import Watch
from organtwin.pipeline import run_step

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
IMAGES = SHARED / "remind-022-brain-mr" / "T1_post"
ARGUMENTS = {"path": str(IMAGES), "modality": "MR"}
MOMENTS_S = (0.3, 0.5, 0.7, 0.9)

pytestmark = pytest.mark.skipif(not IMAGES.is_dir(), reason="the real image sets are not there")


def objects(case: Path) -> set[str]:
    """Return the names of everything in a case's object folder."""
    return {path.name for path in (case / "objects").rglob("*") if path.is_file()}


def ended_early(case: Path, how: signal.Signals, after_s: float) -> int:
    """Start an import into a case and end it; returns its exit status once its workers are gone."""
    process = subprocess.Popen(
        [sys.executable, "-m", "organtwin.cli", "import", str(IMAGES), "--case", str(case),
         "--modality", "MR"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(after_s)
    workers = _children(process.pid)
    process.send_signal(how)
    status = process.wait()
    end = time.monotonic() + 3.0
    while any(_alive(pid) for pid in workers) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(_alive(pid) for pid in workers)
    return status


def _children(pid: int) -> list[int]:
    try:
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _alive(pid: int) -> bool:
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("after_s", MOMENTS_S)
def test_that_a_new_case_is_gone_when_its_only_import_was_ended(
    tmp_path: Path, after_s: float
) -> None:
    before = set(Path(tempfile.gettempdir()).glob("organtwin-*"))
    ended_early(tmp_path / "case", signal.SIGTERM, after_s)
    if (tmp_path / "case").exists():  # it was faster than that
        with CaseFolder.open(tmp_path / "case", write=False) as folder:
            assert [e.done.step for e in folder.entries] == ["create", "import"]
    else:
        assert list(tmp_path.iterdir()) == []
    assert set(Path(tempfile.gettempdir()).glob("organtwin-*")) <= before


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_that_an_older_case_is_as_before_when_an_import_was_ended(
    tmp_path: Path, how: signal.Signals
) -> None:
    case = tmp_path / "case"
    CaseFolder.create(case, Case("P")).close()
    before = objects(case)
    for after_s in MOMENTS_S:
        ended_early(case, how, after_s)
        with CaseFolder.open(case) as folder:
            if len(folder.entries) > 1:
                break
            assert objects(case) == before


def test_that_a_stop_at_every_message_leaves_no_object(tmp_path: Path) -> None:
    with CaseFolder.create(tmp_path / "case", Case("P")) as folder:
        before = objects(tmp_path / "case")
        for count in (1, 2, 5):
            told = iter(range(count))
            watch = Watch(asked_to_stop=lambda told=told: next(told, None) is None)
            with pytest.raises(Stopped):
                run_step("import", folder.case, folder, arguments=ARGUMENTS, watch=watch)
            assert objects(tmp_path / "case") == before
        assert len(folder.entries) == 1


def test_that_a_step_that_fails_takes_away_what_it_put_and_nothing_else(tmp_path: Path) -> None:
    with CaseFolder.create(tmp_path / "case", Case("P")) as folder:
        kept = folder.put(Case("kept"))

        def failing() -> None:
            with folder.trying():
                assert folder.put(Case("kept")) == kept
                folder.put(Case("new"))
                raise Stopped("stopped")

        before = objects(tmp_path / "case")
        with pytest.raises(Stopped):
            failing()
        assert objects(tmp_path / "case") == before
        assert folder.get(kept) == Case("kept")


def test_that_what_the_journal_names_is_never_swept(tmp_path: Path) -> None:
    with CaseFolder.create(tmp_path / "case", Case("P")) as folder:
        named = folder.entries[0].case
        orphan = folder.put(Case("left by a killed process"))
        note = folder.objects.root / ".trial-0"
        note.write_text(f"{named}\n{orphan}\nrubbish\n../../../etc/passwd\n")
    with CaseFolder.open(tmp_path / "case") as folder:
        assert folder.objects.path(named).exists()
        assert not folder.objects.path(orphan).exists()
        assert not note.exists()
