"""The audit package: a zip that proves, on its own, what was done and from what.

::

    README.txt     what this is and how to check it
    journal.jsonl  one entry a line: its canonical body and its link
    objects/ID     every object an entry names, but those that lead to the patient (their ids
                   stand in seal.json under "withheld"); its name is its SHA-256
    files/…        what was handed out (the report)
    seal.json      where each member lies in this file and the SHA-256 of its bytes there
    seal.sig       Ed25519 signature of seal.json with the public key

The zip's comment is the SHA-256 of every byte before it, so that no byte of the container itself
(headers, directory, order) can change unseen.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from organtwin import __version__
from organtwin.core.errors import BadInput
from organtwin.core.journal import JournalEntry
from organtwin.core.origin import PERSONAL
from organtwin.core.private import whole_file
from organtwin.core.watch import Watch

FORMAT: Final = 2
SEAL, SIGNATURE, JOURNAL = "seal.json", "seal.sig", "journal.jsonl"
README = """OrganTwin audit package. For research use only; not a medical device.

Check it with `organtwin audit verify PACKAGE.zip`, or by hand:
1. The zip's comment is the SHA-256 of every byte of this file before the comment.
2. seal.sig holds a public key and its Ed25519 signature of seal.json, both hexadecimal.
3. seal.json gives each member's place in this file and the SHA-256 of its bytes there.
4. Each line of journal.jsonl holds a body and its link: the link is the SHA-256 of the body, and
   the body's "previous" is the link of the line before. The last link is the root.
5. The name of each file in objects/ is its SHA-256. Objects that lead to the patient (name, ID,
   birth date, identifiers of the images, local paths) may be left out: seal.json lists their ids
   under "withheld". Whoever holds one can show it to you, and its SHA-256 must be that id.
Whoever can sign can make another package: compare the root with the one printed on the report,
and the key's fingerprint with the one the signer gives you.
"""


def write_audit(
    path: Path,
    entries: Sequence[JournalEntry],
    content: Callable[[str], bytes],
    *,
    files: Mapping[str, Path],
    key: Ed25519PrivateKey,
    watch: Watch,
    with_identity: bool = False,
) -> str:
    """Write the package of a journal, private; returns its root (the last entry's link).

    Objects of the kinds in `PERSONAL` are left out and their ids sealed, unless `with_identity`.

    Args:
        content: gives the canonical bytes of an object by its id.
        files: what was handed out, by the name it gets in the package.

    Raises:
        BadInput: the journal is empty, or the file cannot be written.
    """
    if not entries:
        raise BadInput("there is nothing to audit: the journal is empty")
    ids = sorted({i for e in entries for i in (e.case, *e.done.inputs, *e.done.outputs)})
    with whole_file(path) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as package:
            _add(package, "README.txt", README.encode())
            _add(package, JOURNAL, "".join(map(_line, entries)).encode())
            withheld = []
            for number, object_id in enumerate(ids):
                watch.tell(number / len(ids), f"audit: object {number + 1} of {len(ids)}")
                kept = content(object_id)
                if with_identity or _kind(kept) not in PERSONAL:
                    _add(package, f"objects/{object_id}", kept)
                else:
                    withheld.append(object_id)
            for name, source in sorted(files.items()):
                _add(package, f"files/{name}", source.read_bytes())
            seal = _seal(file, package, entries, withheld)
            _add(package, SEAL, seal)
            _add(package, SIGNATURE, _signature(key, seal))
        _end_with_digest(file)
    return entries[-1].link


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Return the key of this installation, made on first use and readable by its owner only."""
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        path.parent.mkdir(parents=True, exist_ok=True)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    loaded = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(loaded, Ed25519PrivateKey):
        raise BadInput("this is not an Ed25519 key", where=str(path))
    return loaded


def fingerprint(public_key: bytes) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a raw public key."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def _line(entry: JournalEntry) -> str:
    return json.dumps({"body": entry.body(), "link": entry.link}, ensure_ascii=False) + "\n"


def _add(package: zipfile.ZipFile, name: str, content: bytes) -> None:
    member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    package.writestr(member, content)


def _kind(content: bytes) -> str:
    """Return the name of the noun that canonical bytes hold (core/content.py has their layout)."""
    named = re.compile(rb'\{"__noun__":"(\w+)"').match(content, 16)
    return named[1].decode() if named else ""


def _seal(
    file: BinaryIO,
    package: zipfile.ZipFile,
    entries: Sequence[JournalEntry],
    withheld: Sequence[str],
) -> bytes:
    """Return seal.json for the members written to a file so far."""
    end = file.tell()
    starts = [member.header_offset for member in package.infolist()]
    members = []
    for member, start, stop in zip(package.infolist(), starts, [*starts[1:], end], strict=True):
        file.seek(start)
        digest = hashlib.sha256(file.read(stop - start)).hexdigest()
        members.append([member.filename, start, stop, digest, member.file_size])
    file.seek(end)
    seal = {
        "format": FORMAT,
        "program": f"organtwin {__version__}",
        "sealed": datetime.now(UTC).isoformat(timespec="seconds"),
        "entries": len(entries),
        "root": entries[-1].link,
        "members": members,
        "withheld": list(withheld),
    }
    return json.dumps(seal, sort_keys=True, ensure_ascii=False, indent=0).encode()


def _signature(key: Ed25519PrivateKey, seal: bytes) -> bytes:
    public = key.public_key().public_bytes_raw()
    return json.dumps({"key": public.hex(), "signature": key.sign(seal).hex()}).encode()


def _end_with_digest(file: BinaryIO) -> None:
    """Set a zip's comment to the SHA-256 of all bytes before it, and make the file durable."""
    with zipfile.ZipFile(file, "a") as package:
        package.comment = b"0" * 64
    end = file.seek(-64, io.SEEK_END)
    file.seek(0)
    digest = hashlib.sha256()
    remaining = end
    while block := file.read(min(remaining, 2**20)):
        digest.update(block)
        remaining -= len(block)
    file.seek(end)
    file.write(digest.hexdigest().encode())
    file.flush()
    os.fsync(file.fileno())
