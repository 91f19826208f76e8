"""Stand-ins for UIDs, patients and dates: the same for the same, told by nobody without the secret.

Each is a keyed hash (HMAC-SHA-256, RFC 2104) of the value, with a check that lets whoever holds the
secret see that a value is a stand-in already: doing it twice changes nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import uuid
from pathlib import Path
from typing import Final

from organtwin.core.errors import BadInput

ROOT: Final = "2.25."
"""UIDs made of a UUID, PS3.5 section B.2."""
PREFIX: Final = "OT-"
SECRET_BYTES: Final = 32
LEAST_BYTES: Final = 16
DAYS: Final = (366, 3652)
"""How far dates of a patient move into the past: one to ten years."""


class StandIns:
    """What values are replaced by under one secret."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < LEAST_BYTES:
            raise BadInput(f"a secret has {LEAST_BYTES} bytes at least", where="de-identification")
        self._secret = secret

    def uid(self, uid: str) -> str:
        """Return the UID that stands for another; a stand-in stands for itself."""
        if self._is_uid(uid):
            return uid
        made = uuid.UUID(bytes=self._hash("uid", uid)[:16], version=5).bytes[:12]
        return ROOT + str(int.from_bytes(made + self._hash("uid check", made.hex())[:4]))

    def patient(self, patient_id: str) -> str:
        """Return the pseudonym of a patient's ID; a pseudonym stands for itself."""
        patient_id = patient_id.strip()
        if self.is_pseudonym(patient_id):
            return patient_id
        number = _letters(self._hash("patient", patient_id)[:5])
        return f"{PREFIX}{number}-{_letters(self._hash('patient check', number)[:5])[:4]}"

    def days(self, pseudonym: str) -> int:
        """Return by how many days the dates of a patient move into the past."""
        first, last = DAYS
        return first + int.from_bytes(self._hash("days", pseudonym)[:8]) % (last - first + 1)

    def is_pseudonym(self, text: str) -> bool:
        """Return whether a patient ID was made under this secret."""
        number, _, check = text.removeprefix(PREFIX).partition("-")
        right = _letters(self._hash("patient check", number)[:5])[:4]
        return text.startswith(PREFIX) and hmac.compare_digest(check.encode(), right.encode())

    def _is_uid(self, uid: str) -> bool:
        number = uid.removeprefix(ROOT)
        if not uid.startswith(ROOT) or not number.isascii() or not number.isdecimal():
            return False
        if len(number) > 39 or (value := int(number)) >= 2**128:
            return False
        made = value.to_bytes(16)
        return hmac.compare_digest(made[12:], self._hash("uid check", made[:12].hex())[:4])

    def _hash(self, kind: str, value: str) -> bytes:
        return hmac.digest(self._secret, f"{kind}\0{value}".encode(), hashlib.sha256)


def secret_of(path: Path, *, make: bool = False) -> bytes:
    """Return the secret in a file (hexadecimal digits), made on first use when `make`.

    Raises:
        BadInput: there is none, or it is no secret.
    """
    if make and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(SECRET_BYTES) + "\n")
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise BadInput(
            "this file holds no secret",
            where=str(path),
            advice=f"write {SECRET_BYTES} random bytes into it as hexadecimal digits",
        ) from error
    if len(secret) < LEAST_BYTES:
        raise BadInput("this secret is too short", where=str(path))
    return secret


def _letters(value: bytes) -> str:
    return base64.b32encode(value).decode("ascii")
