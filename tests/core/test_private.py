from pathlib import Path

from organtwin.core.private import open_private


def test_that_a_file_others_could_read_is_replaced_not_filled(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "other"
    other.write_text("theirs")
    path.symlink_to(other)
    with open_private(path) as file:
        file.write(b"mine")
    assert (path.read_bytes(), other.read_text()) == (b"mine", "theirs")
    assert path.stat().st_mode & 0o077 == 0
