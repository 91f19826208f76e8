"""Files that a person names: never over an input or unasked over another, and where they came from.

Provenance stands in the JSON answer and in FILE.json beside the file. SHA-256 of a folder is that
of the lines ``sha256sum`` prints for its files ("SHA-256", two spaces, path from the folder, LF),
in the order of their paths' bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from organtwin import __version__
from organtwin.core.errors import BadArgument, BadInput, WouldReplace
from organtwin.core.private import whole_file

DICOMDIR: Final = "DICOMDIR"


def add_replace(to: argparse._ActionsContainer, more: str = "") -> None:
    """Add the option by which all verbs are told that a file may be replaced."""
    to.add_argument("--replace", action="store_true", help=f"also over a file that is there{more}")


def require_free(
    to: Path, *, replace: bool, inputs: Iterable[str | Path | None] = (), record: bool = False
) -> None:
    """Raise unless a file may be written to a place.

    Args:
        replace: whether one that is there may go.
        inputs: what is read: none of it is written over, asked for or not.
        record: whether FILE.json is written beside it.

    Raises:
        BadArgument: the place is a folder, an input, or a file in a folder that is one.
        WouldReplace: there is a file already.
    """
    for place in (to, *([record_of(to)] if record else [])):
        if not place.exists():
            continue
        if place.is_dir():
            raise BadArgument("a folder is no place for one file", where=str(place))
        for one in (Path(i) for i in inputs if i):
            if one.exists() and (
                place.samefile(one) or (one.is_dir() and one.resolve() in place.resolve().parents)
            ):
                raise BadArgument(
                    "this would be written over what it is made from",
                    where=str(place),
                    advice="choose a place outside of the images, seeds and labels",
                )
        if not replace:
            raise WouldReplace(
                "there is such a file already",
                where=str(place),
                advice="ask for --replace, or choose another name",
            )


def record_of(to: Path) -> Path:
    """Return where the provenance of a file is written."""
    return to.with_name(f"{to.name}.json")


def provenance(
    to: Path,
    *,
    method: str,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str | Path | None],
    made_by: str = "",
    objects: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return what a file was made by and from; no name of a file is in it.

    Args:
        to: the file, written already.
        settings: as used, those not said too.
        inputs: what each is ("image") → where it lies; those not given are left out.
        made_by: such as a model with its hash.
        objects: what each is ("mesh") → its id in a case, which is a SHA-256 too.
    """
    read = {what: sha256_of(Path(path)) for what, path in inputs.items() if path}
    return {
        "program": "OrganTwin",
        "version": __version__,
        "method": method,
        "made_by": made_by,
        "settings": dict(settings),
        "sha256": {**read, **(objects or {}), "file": sha256_of(to)},
    }


def write_record(to: Path, told: Mapping[str, Any]) -> None:
    """Write the provenance of a file beside it; raises BadInput where that cannot be."""
    with whole_file(record_of(to)) as file:
        file.write((json.dumps(told, indent=1) + "\n").encode())


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder; a DICOMDIR stands for its folder."""
    try:
        if path.name.upper() == DICOMDIR:
            path = path.parent
        if not path.is_dir():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        files = {str(f.relative_to(path)): f for f in path.rglob("*") if f.is_file()}
        lines = hashlib.sha256()
        for name in sorted(files, key=lambda n: n.encode("utf-8", "surrogateescape")):
            line = f"{sha256_of(files[name])}  {name}\n"
            lines.update(line.encode("utf-8", "surrogateescape"))
        return lines.hexdigest()
    except OSError as error:
        raise BadInput(f"this cannot be read ({error.strerror})", where=str(path)) from error
