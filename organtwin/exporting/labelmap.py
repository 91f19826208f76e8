"""DICOM Segmentation of type LABELMAP (PS3.3 A.51, Supplement 243): one value a voxel.

What lies within another structure is not part of it here; systems before 2024 do not know it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from organtwin.core.watch import Watch
from organtwin.exporting import Export
from organtwin.exporting.header import Kind
from organtwin.exporting.material import Material, Piece
from organtwin.exporting.seg import begun, place_frames

KIND: Final = Kind("1.2.840.10008.5.1.4.1.1.66.7", "SEG", "structures as a label map", 9102)


def pieces(material: Material, watch: Watch) -> Iterator[Piece]:
    """Yield the Segmentation; values are segment numbers, 0 is nothing.

    Raises:
        WrongGeometry: the grid's axes are not at right angles.
    """
    watch.tell(0.0, "writing the label map")
    made = begun(material, KIND, "LABELMAP")
    values = np.zeros(256, dtype=np.uint8)
    for number, structure in enumerate(material.structures, start=1):
        values[structure.label] = number
    slices = material.labels.labels.T
    used = np.flatnonzero(slices.any(axis=(1, 2)))
    content = values[slices[used]].tobytes()
    made.PixelData = content + b"\0" * (len(content) % 2)
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit = 7
    made.PixelPaddingValue = 0
    made.SegmentsOverlap = "NO"
    place_frames(made, material, [(0, int(k)) for k in used])
    yield Piece("labelmap.dcm", made)


EXPORT: Final = Export("labelmap", "DICOM label map", pieces, usual=False)
