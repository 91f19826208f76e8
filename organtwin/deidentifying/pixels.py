"""Pixels as long as the object says, and nothing beside them (PS3.3 C.7.6.3, PS3.5 section 8)."""

from __future__ import annotations

from math import prod
from typing import Final

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.tag import BaseTag

from organtwin.core.errors import BadInput, UnreadableFile
from organtwin.deidentifying.frames import bare_frame

PIXEL_DATA: Final = 0x7FE00010
OFFSETS: Final = frozenset([0x7FE00001, 0x7FE00002])
PIXELS: Final = frozenset([0x7FE00008, 0x7FE00009, PIXEL_DATA])
BITS: Final = {0x7FE00008: 32, 0x7FE00009: 64}
NATIVE: Final = frozenset(
    ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"]
)
MOST_FRAMES: Final = 200_000
SHARED: Final = ("YBR_FULL_422", "YBR_PARTIAL_422")
"""Two pixels share two of their colours, in native pixels: two values a pixel."""


def bare_pixels(dataset: Dataset, tag: BaseTag) -> DataElement:
    """Return pixels without anything beside them; native ones share their memory.

    Raises:
        BadInput: compressed in a way that cannot be looked through.
        UnreadableFile: they are not as long as rows, columns, frames and bits say.
    """
    syntax = _syntax(dataset)
    element = dataset[tag]
    if element.VR not in ("OB", "OW", "OF", "OD", "UN", "OB or OW"):
        raise UnreadableFile("the pixels are no bytes")
    content: bytes = element.value or b""
    if syntax in NATIVE:
        if element.is_undefined_length:
            raise UnreadableFile("pixels of no compression are in pieces")
        return DataElement(tag, element.VR, _native(dataset, content, BITS.get(int(tag))))
    if tag != PIXEL_DATA or not element.is_undefined_length:
        raise UnreadableFile("compressed pixels are in one piece")
    frames, plane = _frames(dataset), _number(dataset, "Rows") * _number(dataset, "Columns")
    bare = [bare_frame(one, syntax, plane) for one in generate_frames(
        content, number_of_frames=frames, extended_offsets=_extended(dataset))]  # fmt: skip
    if len(bare) != frames:
        raise UnreadableFile(f"{len(bare)} frames instead of {frames}")
    made = DataElement(tag, "OB", encapsulate(bare))
    made.is_undefined_length = True
    return made


def _syntax(dataset: Dataset) -> str:
    meta = getattr(dataset, "file_meta", None)
    return str(meta.get("TransferSyntaxUID") or "") if meta else "1.2.840.10008.1.2"


def _native(dataset: Dataset, content: bytes, bits: int | None) -> bytes:
    """Return native pixels; a byte that makes their number even becomes zero."""
    values = prod(_number(dataset, key) for key in ("Rows", "Columns"))
    samples = 1 if bits else _number(dataset, "SamplesPerPixel", 1)
    if samples == 3 and str(dataset.get("PhotometricInterpretation")) in SHARED:
        samples = 2
    size = bits or _number(dataset, "BitsAllocated")
    if size not in (1, 8, 16, 32, 64):
        raise UnreadableFile(f"pixels of {size} bits")
    total = (values * samples * _frames(dataset) * size + 7) // 8
    if len(content) != total + total % 2 and len(content) != total:
        raise UnreadableFile(f"{len(content)} bytes of pixels instead of {total}")
    return content if len(content) == total and total % 2 == 0 else content[:total] + b"\0"


def _frames(dataset: Dataset) -> int:
    return _number(dataset, "NumberOfFrames", 1, MOST_FRAMES)


def _number(dataset: Dataset, keyword: str, usual: int = 0, most: int = 0xFFFF) -> int:
    """Return a positive number that says how the pixels lie."""
    said = dataset.get(keyword)
    number = usual if said in (None, "") else int(said)
    if not 0 < number <= most:
        raise BadInput(f"impossible pixels: {keyword} {number}", where="pixels")
    return number


def _extended(dataset: Dataset) -> tuple[bytes, bytes] | None:
    if all(tag in dataset for tag in OFFSETS):
        return dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
    return None
