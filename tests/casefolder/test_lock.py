import os
from pathlib import Path

import pytest

from organtwin.casefolder.lock import Lock
from organtwin.core.locking import is_free


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
