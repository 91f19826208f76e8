"""Foreign files to a Volume and a LabelMap in LPS mm, one format a file.

``scan`` says what a folder holds, with a GeometryReport for every series and a reason for every
file refused; ``read_volume`` and ``read_labels`` read what was chosen. A new format is a new file
here with a constant ``IMAGES`` or ``LABELS`` (see `formats`).
"""

from organtwin.importing.found import LabelSource, Refused, Scan, Series
from organtwin.importing.labelling import read_labels
from organtwin.importing.scanning import read_masks, read_volume, scan

__all__ = [
    "LabelSource",
    "Refused",
    "Scan",
    "Series",
    "read_labels",
    "read_masks",
    "read_volume",
    "scan",
]
