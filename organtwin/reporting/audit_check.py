"""Check an audit package on its own, and say where it was touched."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from organtwin.core.errors import AuditFailed, CaseDamaged, UnreadableFile
from organtwin.core.journal import FIRST_LINK, JournalEntry, read_entry
from organtwin.core.watch import Watch
from organtwin.reporting.audit import FORMAT, JOURNAL, SEAL, SIGNATURE, fingerprint

FORMATS: Final = (1, FORMAT)
"""Format 1 withheld nothing."""
MEMBER_LIMIT: Final = 4 * 2**30
SEAL_LIMIT: Final = 64 * 2**20
RATIO_LIMIT: Final = 1100
"""Deflate cannot exceed 1032 to 1; more is not deflate."""


@dataclass(frozen=True)
class Verified:
    """What a package proves: number of entries and objects, its root, who sealed it and when.

    Args:
        withheld: objects the journal names that were left out because they lead to the patient.
    """

    entries: int
    objects: int
    withheld: int
    root: str
    key_fingerprint: str
    sealed: str
    steps: tuple[tuple[str, str, str], ...]


def verify_audit(path: Path, watch: Watch) -> Verified:
    """Check every byte of a package.

    Raises:
        UnreadableFile: the file cannot be opened.
        AuditFailed: something was changed, removed, added or reordered; `where` names the place.
    """
    try:
        size = path.stat().st_size
        whole = _digest_matches(path, size)
    except OSError as error:
        raise UnreadableFile(str(error.strerror), where=str(path)) from error
    try:
        with zipfile.ZipFile(path) as package:
            seal, key = _checked_seal(package)
            _check_spans(path, package, seal)
            if not whole:
                raise AuditFailed("a byte of the zip's own directory was changed", "zip directory")
            entries = _checked_journal(package, seal)
            objects, withheld = _check_objects(package, entries, seal, watch)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise AuditFailed(f"the zip is damaged ({error})", _place_of(path)) from error
    except (OSError, ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise AuditFailed(f"the package cannot be read ({error})", _place_of(path)) from error
    return Verified(
        len(entries),
        objects,
        withheld,
        entries[-1].link,
        fingerprint(key),
        str(seal["sealed"]),
        tuple((e.time, e.who, e.done.summary or e.done.step) for e in entries),
    )


def _digest_matches(path: Path, size: int) -> bool:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        remaining = size - 64
        while remaining > 0 and (block := file.read(min(remaining, 2**20))):
            digest.update(block)
            remaining -= len(block)
        return file.read(64) == digest.hexdigest().encode()


def _checked_seal(package: zipfile.ZipFile) -> tuple[dict[str, Any], bytes]:
    content = _read(package, SEAL, SEAL_LIMIT)
    signed = json.loads(_read(package, SIGNATURE, 4096))
    key = bytes.fromhex(signed["key"])
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(bytes.fromhex(signed["signature"]), content)
    except InvalidSignature as error:
        raise AuditFailed("the seal's signature does not fit", SEAL) from error
    seal: dict[str, Any] = json.loads(content)
    if seal["format"] not in FORMATS:
        raise AuditFailed(
            f"this program reads formats up to {FORMAT}, not {seal['format']}",
            SEAL,
            "verify it with a newer OrganTwin",
        )
    return seal, key


def _check_spans(path: Path, package: zipfile.ZipFile, seal: dict[str, Any]) -> None:
    names = [member.filename for member in package.infolist()]
    sealed = [name for name, *_ in seal["members"]]
    for there, expected in zip(names, [*sealed, SEAL, SIGNATURE], strict=False):
        if there != expected:
            raise AuditFailed(f"{expected} was removed or moved; {there} is there", expected)
    if len(names) != len(sealed) + 2:
        raise AuditFailed("members were added or removed", (names or ["zip directory"])[-1])
    with path.open("rb") as file:
        for name, start, end, digest, _ in seal["members"]:
            file.seek(start)
            if hashlib.sha256(file.read(end - start)).hexdigest() != digest:
                raise AuditFailed("its bytes were changed after sealing", name)


def _checked_journal(package: zipfile.ZipFile, seal: dict[str, Any]) -> list[JournalEntry]:
    entries: list[JournalEntry] = []
    previous = FIRST_LINK
    for number, line in enumerate(_read(package, JOURNAL, MEMBER_LIMIT).splitlines(), start=1):
        where = f"{JOURNAL}, entry {number}"
        fields = json.loads(line)
        try:
            entry = read_entry(fields["body"], fields["link"])
        except CaseDamaged as error:
            raise AuditFailed(error.what, where) from error
        if (entry.sequence, entry.previous) != (number, previous):
            raise AuditFailed("the chain is broken here", where)
        entries.append(entry)
        previous = entry.link
    if (len(entries), previous) != (seal["entries"], seal["root"]):
        raise AuditFailed("the journal is not the one that was sealed", JOURNAL)
    return entries


def _check_objects(
    package: zipfile.ZipFile, entries: list[JournalEntry], seal: dict[str, Any], watch: Watch
) -> tuple[int, int]:
    """Check every object the journal names; returns how many are there and how many withheld."""
    ids = sorted({i for e in entries for i in (e.case, *e.done.inputs, *e.done.outputs)})
    there, withheld = set(package.namelist()), {*seal.get("withheld", ())}
    if not withheld <= {*ids}:
        raise AuditFailed("an object is said to be withheld that the journal does not name", SEAL)
    shown = [object_id for object_id in ids if object_id not in withheld]
    for number, object_id in enumerate(shown):
        name = f"objects/{object_id}"
        watch.tell(number / len(shown), f"checking object {number + 1} of {len(shown)}")
        if name not in there:
            raise AuditFailed("an object the journal names is missing", name)
        if hashlib.sha256(_read(package, name, MEMBER_LIMIT)).hexdigest() != object_id:
            raise AuditFailed("this object is not what its name says", name)
    return len(shown), len(withheld)


def _read(package: zipfile.ZipFile, name: str, limit: int) -> bytes:
    member = package.getinfo(name)
    if member.file_size > min(limit, RATIO_LIMIT * max(member.compress_size, 1)):
        raise AuditFailed("this member is larger than it can be", name)
    with package.open(member) as file:
        return file.read(limit)


def _place_of(path: Path) -> str:
    """Name the first member whose bytes fail, else the zip's own structure."""
    try:
        with zipfile.ZipFile(path) as package:
            for member in package.infolist():
                try:
                    with package.open(member) as file:
                        while file.read(2**20):
                            pass
                except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError):
                    return member.filename
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        pass
    return "zip structure"
