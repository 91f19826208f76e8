"""Values that say nothing, by value representation; dates that moved; documents without words."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

REMOVED: Final = "REMOVED"
OLDEST: Final = 90
"""Years: ages above 89 are given as 90 (45 CFR 164.514(b)(2)(i)(C))."""
DUMMIES: Final[dict[str, Any]] = {
    "AS": "000D",
    "AT": 0,
    "DA": "19000101",
    "DS": "0",
    "DT": "19000101000000",
    "IS": "0",
    "TM": "000000",
    "UI": "2.25.0",
    "UR": "http://removed.invalid",
}
NUMBERS: Final = frozenset(["FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"])
BYTES: Final = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
STL_HEADER, STL_TRIANGLE, STL_NUMBERS = 84, 50, 48
OBJ_LINE: Final = re.compile(rb"(?:v|vn|vt|f|l|p)(?: +[-+0-9.eE/]+)+\s*")


def dummy(vr: str) -> Any:
    """Return a value of a representation, with a length, that means nothing."""
    if vr in NUMBERS:
        return 0
    return b"\0\0\0\0\0\0\0\0" if vr in BYTES else DUMMIES.get(vr, REMOVED)


def removed_content() -> Sequence:
    """Return what stands for structured content: one item that says it was removed (PS3.3 C.17)."""
    name = Dataset()
    name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = "121106", "DCM", "Comment"
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
    item.ConceptNameCodeSequence = Sequence([name])
    item.TextValue = "Removed by de-identification"
    return Sequence([item])


def with_values(element: DataElement, change: Any) -> DataElement:
    """Return an element with each of its values changed."""
    value = element.value
    many = isinstance(value, list | tuple) or type(value).__name__ == "MultiValue"
    changed = [change(one) for one in value] if many else change(value)
    return DataElement(element.tag, element.VR, changed)


def moved(text: str, days: int) -> str:
    """Return a DA or DT value `days` earlier, as exact as it was; "" when it is no date.

    Time of day and offset from UTC stay (PS3.5 section 6.2).
    """
    text = text.strip()
    digits = re.sub(r"^(\d{4})\.(\d{2})\.(\d{2})$", r"\1\2\3", text)
    match = re.match(r"(\d{4})(\d{2})?(\d{2})?", digits)
    if match is None:
        return ""
    try:
        first = date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
        earlier = (first - timedelta(days=days)).strftime("%Y%m%d").rjust(8, "0")
    except (ValueError, OverflowError):
        return ""
    return earlier[: match.end()] + digits[match.end() :]


def capped_age(text: str) -> str:
    """Return a PatientAge of at most 90 years (AS, PS3.5 section 6.2); "" when it is none."""
    match = re.fullmatch(r"(\d{3})([DWMY])", text.strip())
    if match is None:
        return ""
    return f"{OLDEST:03d}Y" if match[2] == "Y" and int(match[1]) >= OLDEST else match[0]


def bare_document(content: bytes, kind: str) -> bytes | None:
    """Return a mesh without the words of its file, None for a document that is no mesh.

    Args:
        kind: its MIME type; binary STL and OBJ can be looked into.
    """
    if kind == "model/stl" and len(content) >= STL_HEADER:
        count = int.from_bytes(content[STL_HEADER - 4 : STL_HEADER], "little")
        if len(content) - STL_HEADER in (count * STL_TRIANGLE, count * STL_TRIANGLE + 1):
            body = np.frombuffer(content, np.uint8, count * STL_TRIANGLE, STL_HEADER)
            triangles = body.reshape(count, STL_TRIANGLE).copy()
            triangles[:, STL_NUMBERS:] = 0
            bare = bytes(STL_HEADER - 4) + content[STL_HEADER - 4 : STL_HEADER]
            return _even(bare + triangles.tobytes())
    if kind == "model/obj":
        lines = content.rstrip(b"\0").splitlines()
        return _even(b"\n".join(line for line in lines if OBJ_LINE.fullmatch(line)) + b"\n")
    return None


def _even(content: bytes) -> bytes:
    return content + b"\0" * (len(content) % 2)
