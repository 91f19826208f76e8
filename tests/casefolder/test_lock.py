import os
from pathlib import Path

import pytest

from organtwin.casefolder.lock import Lock, is_free
from organtwin.ui.leftovers import remove_abandoned


def _folder(at: Path, mode: int) -> Path:
    at.mkdir()
    at.chmod(mode)
    return at


def test_that_a_lock_that_is_a_link_truncates_nothing(tmp_path: Path) -> None:
    victim = tmp_path / "thesis"
    victim.write_text("years")
    (tmp_path / "symbolic").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        Lock(tmp_path / "symbolic")
    os.link(victim, tmp_path / "hard")
    with pytest.raises(OSError, match="ordinary"):
        Lock(tmp_path / "hard")
    assert victim.read_text() == "years"


def test_that_asking_whether_a_lock_is_free_writes_nothing(tmp_path: Path) -> None:
    free = tmp_path / "lock"
    free.write_text("as it was")
    assert is_free(free)
    assert free.read_text() == "as it was"
    held = Lock(free)
    assert not is_free(free)
    held.release()
    assert not is_free(tmp_path / "absent")


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o1777])
def test_that_folders_open_to_others_are_left_alone(tmp_path: Path, mode: int) -> None:
    left = _folder(tmp_path / "organtwin-look-a", mode)
    (left / "lock").write_text("theirs")
    remove_abandoned(tmp_path, "organtwin-look-")
    assert (left / "lock").read_text() == "theirs"


def test_that_a_lock_linked_to_a_document_costs_it_nothing(tmp_path: Path) -> None:
    victim = tmp_path / "thesis"
    victim.write_text("years")
    left = _folder(tmp_path / "organtwin-look-a", 0o700)
    (left / "lock").symlink_to(victim)
    (tmp_path / "organtwin-look-b").symlink_to(left)
    remove_abandoned(tmp_path, "organtwin-look-")
    assert victim.read_text() == "years"
    assert left.is_dir()


def test_that_an_own_folder_nobody_holds_is_removed(tmp_path: Path) -> None:
    gone, kept = (_folder(tmp_path / f"organtwin-look-{name}", 0o700) for name in "ab")
    (gone / "lock").touch()
    lock = Lock(kept / "lock")
    remove_abandoned(tmp_path, "organtwin-look-")
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]
    lock.release()
