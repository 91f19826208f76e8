"""Tags and value representations of the DICOM dictionary (PS3.6), as pydicom lists them.

Only pydicom's table is read: the rest of pydicom takes 0.2 s to start, which every worker process
would pay before it looked at its first file.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final

PLAIN_SETS: Final = {
    "": "iso8859",
    "ISO_IR 6": "iso8859",
    "ISO_IR 100": "latin_1",
    "ISO_IR 192": "utf_8",
}
"""Character sets without escapes (PS3.3 C.12.1.1.2) that need nothing of pydicom."""


@cache
def _table() -> Mapping[int, tuple[str, ...]]:
    """Return tag → (representation, multiplicity, name, retired, keyword)."""
    package = find_spec("pydicom")
    file = Path(package.origin or "").with_name("_dicom_dict.py") if package else Path()
    spec = spec_from_file_location(f"{__name__}.table", file) if file.is_file() else None
    if spec is None or spec.loader is None:  # packed into one file
        from pydicom.datadict import DicomDictionary

        return dict(DicomDictionary)
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.DicomDictionary)


@cache
def _tags() -> Mapping[str, int]:
    return {entry[4]: tag for tag, entry in _table().items()}


@cache
def tag_of(keyword: str) -> int:
    """Return the tag of a keyword of the DICOM dictionary."""
    return _tags()[keyword]


@cache
def representation_of(tag: int) -> str:
    """Return the value representation of a tag, the first where there are several, else "UN"."""
    return _table().get(tag, ("UN",))[0].split(" or ", maxsplit=1)[0]


def codec_of(character_set: str) -> str:
    """Return the Python codec of a defined term of SpecificCharacterSet, ISO 8859-1 if unknown."""
    if character_set in PLAIN_SETS:
        return PLAIN_SETS[character_set]
    from pydicom.charset import python_encoding

    return str(python_encoding.get(character_set, "iso8859"))
