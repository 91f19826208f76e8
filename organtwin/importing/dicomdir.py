"""DICOMDIR: the files that it cites, found beside it however the medium spells their names.

Records are read in the order of DirectoryRecordSequence, which holds every one of them (DICOM
PS3.3 F.3.2.2); the offsets that chain them into a tree, often wrong on copied media, are not
needed to find files and are not followed. What the files hold is told by the files themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from organtwin.core.errors import BadInput, NoImages, UnreadableFile
from organtwin.importing.elements import Elements, wanted
from organtwin.importing.found import Refused
from organtwin.importing.opening import Opened, opened

NAME: Final = "DICOMDIR"
SOP_CLASS: Final = "1.2.840.10008.1.3.10"
WANTED: Final = wanted(
    "SpecificCharacterSet",
    DirectoryRecordSequence=wanted(
        "RecordInUseFlag",
        "DirectoryRecordType",
        "ReferencedFileID",
        "SpecificCharacterSet",
        "PatientName",
    ),
)
IN_USE: Final = 0xFFFF
COMPONENT_LIMIT: Final = 8
"""Of a File ID (PS3.10 8.2)."""
VERSION: Final = re.compile(r"(;\d+)?$")
ADVICE: Final = "the files beside it were looked at instead"


def is_directory(path: Path) -> bool:
    """Return whether a file says that it is a DICOMDIR."""
    try:
        return opened(path, {}).sop_class == SOP_CLASS
    except UnreadableFile:
        return False


def records_of(file: Opened) -> tuple[Elements, ...]:
    """Return the records in use; raises UnreadableFile when the DICOMDIR is damaged."""
    if file.dataset and file.dataset.damage:
        raise UnreadableFile(
            f"the DICOMDIR is damaged ({file.dataset.damage})", str(file.path), ADVICE
        )
    records = file.elements.items("DirectoryRecordSequence")
    return tuple(r for r in records if r.integer("RecordInUseFlag", IN_USE) != 0)


def cited(path: Path) -> tuple[list[Path], list[Refused]]:
    """Return the files that a DICOMDIR cites, sorted, and refusals for those not there.

    Names are compared as ISO 9660 media spell them: without case, version (";1") and final dot.
    Nothing outside the DICOMDIR's own folder is ever looked at.

    Raises:
        UnreadableFile: it is damaged.
        NoImages: it cites nothing.
    """
    names = dict.fromkeys(
        texts
        for record in records_of(opened(path, WANTED))
        if any(texts := record.texts("ReferencedFileID"))
    )
    if not names:
        raise NoImages("the DICOMDIR cites no files", where=str(path), advice=ADVICE)
    listings: dict[Path, Mapping[str, Path]] = {}
    found, refused = set(), []
    for name in names:
        try:
            found.add(_file(path.parent, name, listings))
        except BadInput as error:
            shown = "/".join(name)
            refused.append(Refused(path.parent, type(error).__name__, f"{error.what}: {shown}"))
    return sorted(found), refused


def _file(folder: Path, name: Sequence[str], listings: dict[Path, Mapping[str, Path]]) -> Path:
    """Return the file of a name below `folder`, by what the folders themselves list."""
    if len(name) > COMPONENT_LIMIT or any(part in ("", ".", "..") for part in name):
        raise BadInput("cited by the DICOMDIR outside its folder")
    place: Path | None = folder
    for part in name:
        if place not in listings and place is not None:
            listings[place] = _listed(place)
        place = listings[place].get(_plain(part)) if place else None
    if place is None or not place.is_file():
        raise UnreadableFile("cited by the DICOMDIR, not there")
    if not place.resolve().is_relative_to(folder.resolve()):
        raise BadInput("cited by the DICOMDIR, a link that leads out of its folder")
    return place


def _listed(folder: Path) -> Mapping[str, Path]:
    try:
        return {_plain(one.name): one for one in sorted(folder.iterdir(), reverse=True)}
    except OSError:
        return {}


def _plain(name: str) -> str:
    """Return a name without case, version and final dot: "IM1.;1" → "im1"."""
    return VERSION.sub("", name).rstrip(".").casefold()
