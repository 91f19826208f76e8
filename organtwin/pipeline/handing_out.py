"""Comparison → Report, and the record sealed for somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_data_path

from organtwin.casefolder import ObjectFolder
from organtwin.core.journal import JournalEntry
from organtwin.core.watch import Watch


def export_audit(
    objects: ObjectFolder,
    entries: Sequence[JournalEntry],
    to: Path,
    files: Sequence[Path],
    watch: Watch,
) -> str:
    """Seal a case's journal and objects, and what was handed out, into a zip; returns its root.

    Signed with this installation's key, which lies in the user's data folder and is made on first
    use.
    """
    from organtwin.reporting.audit import signing_key, write_audit

    key = signing_key(user_data_path("organtwin", appauthor=False) / "signing-key.pem")
    named = {path.name: path for path in files}
    return write_audit(to, entries, objects.content, named, key=key, watch=watch)
