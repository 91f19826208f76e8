"""Foreign DICOM files → the same without their patient."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from organtwin.core.watch import Watch
from organtwin.places import own_folder


def site_secret(path: Path | None = None) -> bytes:
    """Return the secret that pseudonyms, UIDs and shifts of dates are made with.

    Args:
        path: a secret shared with others; this installation's own without, made on first use.

    Raises:
        BadInput: the file holds no secret.
    """
    from organtwin.deidentifying.pseudonyms import secret_of

    return secret_of(path) if path else secret_of(own_folder() / "pseudonym-secret", make=True)


def deidentify(
    path: Path, to: Path, options: Sequence[str], *, secret: Path | None, watch: Watch
) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Copy a file, folder, DICOMDIR's files or zip without its patient to a new folder.

    Args:
        options: names of `exporting.profile.CHOICES`.

    Returns:
        How many files were written, and (path, reason) of those that were not.

    Raises:
        BadArgument: no such option.
        BadInput: nothing there, `to` is not new, no secret in the file.
        Stopped: somebody asked to stop. Nothing is left behind then, nor after any error;
            of a killed process the child or the next run removes it.
    """
    from organtwin.core.errors import NoImages
    from organtwin.deidentifying.copying import copy_deidentified
    from organtwin.deidentifying.profile import profile_of
    from organtwin.deidentifying.staging import staged
    from organtwin.importing.archive import is_zip, unpack_into
    from organtwin.importing.walking import files_of

    profile, key = profile_of(options), site_secret(secret)
    temporary = Path(tempfile.gettempdir())
    with staged(temporary) as private:
        place = unpack_into(private, path, watch.part(0.0, 0.1)) if is_zip(path) else path
        files, unread = files_of(place)
        if not files:
            raise NoImages("no files there", where=str(path))
        copied = copy_deidentified(
            files, to, profile, key, watch=watch.part(0.1, 1.0), temporary=[temporary]
        )
    refused = [(one.path, f"{one.reason}. {one.advice}".strip(" .")) for one in unread]
    refused += copied.refused
    return len(copied.written), tuple((str(one), why) for one, why in refused)
