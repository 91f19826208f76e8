"""Whether an element is what the dictionary says: its representation, its form, no free bytes.

What an element's explicit representation (PS3.5 section 6.2) hides from the rules cannot be treated
by them: a sequence written as bytes would keep every name in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from pydicom.datadict import dictionary_has_tag, dictionary_VM, dictionary_VR
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from organtwin.core.errors import UnreadableFile

DEPTH_LIMIT: Final = 16
ELEMENT_LIMIT: Final = 1_000_000
"""Elements of a file at all depths: an enhanced object of 10 000 frames has some 600 000."""
FORMS: Final = {
    "AS": re.compile(rb"[0-9]{3}[DWMY]"),
    "DA": re.compile(rb"[0-9.]{0,10}"),
    "DS": re.compile(rb"[0-9+\-.eE]{0,24}"),
    "DT": re.compile(rb"[0-9+\-.]{0,26}"),
    "IS": re.compile(rb"[0-9+\-]{0,16}"),
    "TM": re.compile(rb"[0-9.:]{0,16}"),
    "UI": re.compile(rb"[0-9.]{0,64}"),
}
"""What a value may consist of; numbers a little longer than the standard has them do occur."""
NUMBERS: Final = {"FL": 4, "FD": 8, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8, "AT": 4}
BYTES: Final = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
MEASURED: Final = frozenset(
    [
        0x00181638, 0x00221531, 0x00281200, 0x00281201, 0x00281202, 0x00281203, 0x00281204,
        0x00281211, 0x00281212, 0x00281213, 0x00281221, 0x00281222, 0x00281223, 0x00281224,
        0x00281408, 0x00283006, 0x00640009, 0x00660016, 0x00660021, 0x00660022, 0x00660023,
        0x00660024, 0x00660025, 0x00660029, 0x00660040, 0x00660041, 0x00660042, 0x00660043,
        0x00660103, 0x00660125, 0x00660129, 0x006A0011, 0x0070150D, 0x00701808, 0x00701A07,
        0x300A0664, 0x300A0665, 0x300A066B, 0x54000110, 0x54000112, 0x5400100A, 0x54001010,
        0x56000010, 0x56000020,
    ]
)  # fmt: skip
"""Tables of colours and grey values, points, indices, signals: binary values that may stay."""


def known_vr(tag: BaseTag, raw: Any) -> str:
    """Return the representation that a tag has after the dictionary, else the one it says."""
    said = str(raw.VR or "UN")
    if tag.is_private or not dictionary_has_tag(tag):
        return said
    choices = dictionary_VR(tag).split(" or ")
    return said if said in choices else choices[0]


def is_as_known(tag: BaseTag, raw: Any, vr: str) -> bool:
    """Return whether an element has its representation, and values of that form.

    Args:
        raw: of pydicom, converted or not.
        vr: of the dictionary (`known_vr`).
    """
    if raw.VR and raw.VR not in ("UN", vr) and " or " not in raw.VR:
        return False
    value = raw.value
    if not isinstance(value, bytes):
        return True
    if vr in NUMBERS:
        return len(value) % NUMBERS[vr] == 0 and len(value) // NUMBERS[vr] <= _most_values(tag)
    if vr not in FORMS:
        return True
    return all(FORMS[vr].fullmatch(one.strip(b" \0")) for one in value.split(b"\\") if one)


def _most_values(tag: BaseTag) -> int:
    """Return how many values an element may have (VM of the dictionary)."""
    if tag.is_private or not dictionary_has_tag(tag):
        return ELEMENT_LIMIT
    last = dictionary_VM(tag).rpartition("-")[2]
    return int(last) if last.isdecimal() else ELEMENT_LIMIT


def walked(dataset: Dataset) -> Iterator[tuple[Dataset, BaseTag, str]]:
    """Yield (dataset or item, tag, representation) of each element but private ones, all depths.

    Raises:
        UnreadableFile: sequences nest deeper than 16, or there are more elements than allowed.
    """
    count, rest = 0, [(dataset, 0)]
    while rest:
        one, depth = rest.pop()
        count += 1 + len(one)
        if count > ELEMENT_LIMIT:
            raise UnreadableFile(f"more than {ELEMENT_LIMIT:,} elements")
        if depth > DEPTH_LIMIT:
            raise UnreadableFile(f"sequences are nested deeper than {DEPTH_LIMIT}")
        for tag in one.keys():  # noqa: SIM118
            if tag.is_private:
                continue
            raw = one.get_item(tag)
            vr = known_vr(tag, raw)
            yield one, tag, vr
            if vr == "SQ" and raw.VR in (None, "SQ", "UN"):
                rest += [(item, depth + 1) for item in one[tag].value or ()]
