"""A case on disk: opened once, kept whole, refused clearly."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from organtwin.casefolder import CaseFolder
from organtwin.core.case import Case
from organtwin.core.errors import (
    BadInput,
    CaseDamaged,
    CaseLocked,
    CaseReadOnly,
    CaseTooNew,
    DiskFull,
)
from organtwin.core.journal import Done


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A path with a space and a letter outside ASCII, holding a case with three steps."""
    path = tmp_path / "Fälle neu" / "case"
    with CaseFolder.create(path, Case("P")) as folder:
        for name in ("a", "b", "c"):
            folder.append(folder.case.having(mesh=name), Done(f"step {name}"))
    return path


def test_that_a_case_opens_as_it_was_left(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        assert folder.case.mesh == "c"


def test_that_undo_survives_closing(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        folder.undo()
    with CaseFolder.open(path) as folder:
        assert (folder.case.mesh, folder.can_redo) == ("b", True)


def test_that_redo_goes_forward_again(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        folder.undo()
        folder.undo()
        folder.redo()
        assert folder.case.mesh == "b"


def test_that_a_new_step_ends_redo(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        folder.undo()
        folder.append(folder.case.having(mesh="d"), Done("d"))
        assert not folder.can_redo
        folder.undo()
        assert folder.case.mesh == "b"


def test_that_undo_stops_at_the_beginning(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        while folder.can_undo:
            folder.undo()
        with pytest.raises(BadInput):
            folder.undo()


def test_that_nothing_is_lost_from_the_journal_by_undo(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        folder.undo()
        assert [e.done.step for e in folder.entries][-2:] == ["step c", "undo"]


def test_that_a_case_opened_twice_is_refused(path: Path) -> None:
    with CaseFolder.open(path), pytest.raises(CaseLocked, match="open already"):
        CaseFolder.open(path)


def test_that_a_case_from_a_newer_version_is_refused(path: Path) -> None:
    with sqlite3.connect(path / "journal.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(CaseTooNew, match="format 99"):
        CaseFolder.open(path)


def test_that_a_case_of_an_older_format_stays_so_until_something_is_recorded(path: Path) -> None:
    def said(number: int = 0) -> int:
        with sqlite3.connect(path / "journal.sqlite") as database:
            if number:
                database.execute(f"PRAGMA user_version = {number}")
            found: int = database.execute("PRAGMA user_version").fetchone()[0]
        database.close()
        return found

    assert said() == 3
    said(1)
    with CaseFolder.open(path) as folder:
        assert folder.case.mesh == "c"
    assert said() == 1
    with CaseFolder.open(path) as folder:
        folder.undo()
    assert said() == 3


def test_that_a_changed_entry_is_found(path: Path) -> None:
    with sqlite3.connect(path / "journal.sqlite") as database:
        database.execute("DROP TRIGGER never_change")
        database.execute("UPDATE entry SET body = replace(body, 'step b', 'step x')")
    database.close()
    with pytest.raises(CaseDamaged, match="changed"):
        CaseFolder.open(path)


def test_that_the_journal_refuses_to_delete(path: Path) -> None:
    database = sqlite3.connect(path / "journal.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        database.execute("DELETE FROM entry")
    database.close()


def test_that_a_changed_object_is_found(path: Path) -> None:
    with CaseFolder.open(path, write=False) as folder:
        changed = folder.objects.path(folder.entries[-1].case)
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    with pytest.raises(CaseDamaged, match="was changed"):
        CaseFolder.open(path)


def test_that_a_folder_without_a_case_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no case"):
        CaseFolder.open(tmp_path)


def test_that_a_case_is_not_made_in_a_folder_in_use(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("x")
    with pytest.raises(BadInput, match="not empty"):
        CaseFolder.create(tmp_path, Case("P"))


def test_that_a_case_read_only_opened_refuses_a_step(path: Path) -> None:
    with CaseFolder.open(path, write=False) as folder:
        assert folder.case.mesh == "c"
        with pytest.raises(CaseReadOnly):
            folder.append(folder.case, Done("x"))


def test_that_a_reader_beside_the_writer_sees_its_last_entry(path: Path) -> None:
    with CaseFolder.open(path) as writer:
        entry = writer.append(writer.case.having(mesh="d"), Done("d"))
        with CaseFolder.open(path, write=False) as reader:
            assert reader.entries[-1].link == entry.link


def test_that_only_its_owner_may_read_a_case(path: Path) -> None:
    with CaseFolder.open(path) as folder, folder.trying():
        folder.put(Case("Q"))
        open_to = [one.name for one in (path, *path.rglob("*")) if one.stat().st_mode & 0o077]
    assert open_to == []


def test_that_an_empty_folder_that_becomes_a_case_becomes_private(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir(mode=0o755)
    CaseFolder.create(tmp_path / "new", Case("P")).close()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


AS_A_USER = """
import os, sys
from pathlib import Path
from organtwin.casefolder import CaseFolder
from organtwin.core.errors import CaseReadOnly
CaseFolder.open(Path(sys.argv[1]), write=False).close()  # imports everything while it may
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    CaseFolder.open(Path(sys.argv[1]))
except CaseReadOnly as error:
    print("refused", error.advice)
with CaseFolder.open(Path(sys.argv[1]), write=False) as folder:
    print(folder.case.mesh)
"""


def test_that_a_read_only_case_folder_is_refused_for_writing_and_read(path: Path) -> None:
    for one in path.rglob("*"):
        one.chmod(0o555 if one.is_dir() else 0o444)
    for folder in (path, *path.parents[:4]):
        if folder.stat().st_uid == os.getuid() and folder.is_relative_to("/tmp"):
            folder.chmod(0o555 if folder == path else 0o755)
    try:
        said = subprocess.run(
            [sys.executable, "-c", AS_A_USER, str(path)],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        ).stdout
    finally:
        path.chmod(0o755)
    assert "refused" in said
    assert said.strip().endswith("c")


ON_A_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from organtwin.casefolder import CaseFolder
from organtwin.core.errors import DiskFull
from organtwin.core.journal import Done
from organtwin.core.volume import GeometryReport, Volume
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with CaseFolder.open(Path(sys.argv[1])) as folder:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    big = Volume(np.zeros((100, 100, 100), np.int16), np.eye(4), "HU", "CT",
                 GeometryReport((1.0, 1.0, 1.0), "LPS"))
    try:
        folder.put(big)
    except DiskFull as error:
        print("full:", error.what)
"""


def test_that_a_full_disk_is_said_and_changes_nothing(path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    ).stdout
    assert said.startswith("full:")
    assert not list(path.rglob("*.part"))
    with CaseFolder.open(path) as folder:
        assert folder.case.mesh == "c"


def test_that_a_journal_without_room_says_so(path: Path) -> None:
    with CaseFolder.open(path) as folder:
        folder._journal._database.execute("PRAGMA max_page_count = 1")
        with pytest.raises(DiskFull):
            folder.append(folder.case, Done("x" * 100_000))
    with CaseFolder.open(path) as folder:
        assert folder.case.mesh == "c"
