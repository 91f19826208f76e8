"""Transfer syntaxes: which are read, what to do about others, and JPEG of 12 bits."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import UnreadableFile
from organtwin.importing.opening import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE

JPEG: Final = "1.2.840.10008.1.2.4."
JPEG_EXTENDED: Final = JPEG + "51"
READ: Final = frozenset(
    [
        IMPLICIT_LITTLE,
        EXPLICIT_LITTLE,
        DEFLATED,
        EXPLICIT_BIG,
        JPEG + "50",  # baseline, 8 bits
        JPEG_EXTENDED,
        JPEG + "57",  # lossless, process 14
        JPEG + "70",  # the same, selection value 1
        JPEG + "80",  # JPEG-LS
        JPEG + "81",  # JPEG-LS near lossless
        JPEG + "90",  # JPEG 2000, reversible
        JPEG + "91",  # JPEG 2000
        "1.2.840.10008.1.2.5",  # RLE
    ]
)
"""Those whose values were compared with other readers, see tests/importing/test_codecs.py."""
NAMES: Final = {
    **dict.fromkeys((JPEG + "92", JPEG + "93"), "JPEG 2000 part 2"),
    **dict.fromkeys((JPEG + str(n) for n in range(94, 100)), "JPIP (pixels elsewhere)"),
    **dict.fromkeys((JPEG + str(n) for n in range(100, 109)), "video (MPEG, H.264, HEVC)"),
    **dict.fromkeys((JPEG + str(n) for n in range(110, 113)), "JPEG XL"),
    **dict.fromkeys((JPEG + str(n) for n in range(201, 206)), "high-throughput JPEG 2000"),
}  # fmt: skip


def check_syntax(transfer_syntax: str, where: str) -> None:
    """Raise UnreadableFile for pixels in a transfer syntax that is not read."""
    if transfer_syntax not in READ:
        name = NAMES.get(transfer_syntax) or f"an unknown transfer syntax ({transfer_syntax[:64]})"
        raise UnreadableFile(
            f"its pixels are coded as {name}, which is not read",
            where,
            "export it uncompressed or as JPEG 2000, JPEG-LS or RLE",
        )


def jpeg_of_12_bits(code: bytes, rows: int, columns: int) -> NDArray[Any]:
    """Return (rows, columns) uint16 of an extended JPEG (ISO/IEC 10918-1, process 4), by GDCM.

    The same values as SimpleITK's; decoders may differ by a unit or two, since the standard leaves
    the rounding of the inverse transform open (A.3.3). Raises RuntimeError when it cannot be read.
    """
    import gdcm

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(code + b"\0" * (len(code) % 2))
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.MONOCHROME2
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    syntax = gdcm.TransferSyntax.GetTSType(JPEG_EXTENDED)
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, 12, 11, 0))
    content = image.GetBuffer().encode("utf-8", "surrogateescape")
    if len(content) != rows * columns * 2:
        raise RuntimeError("another size than declared")
    return np.frombuffer(content, "<u2").reshape(rows, columns)
