"""Foreign files to a Volume and a LabelMap in LPS mm, one format a file.

``open_images`` looks into a place and reads what was chosen there; it stands on ``scan``, which
says what a folder holds (a GeometryReport for every series, a reason for every file refused), and
on ``read_volume`` and ``read_labels``. A new format is a new file here with a constant ``IMAGES``
or ``LABELS`` (see `formats`).
"""

from organtwin.importing.alone import image_at, labels_at
from organtwin.importing.bodyparts import part_of
from organtwin.importing.found import Guess, LabelSource, Refused, Scan, Series
from organtwin.importing.images import Images, open_images
from organtwin.importing.labelling import label_source, read_labels
from organtwin.importing.scanning import read_masks, read_volume, scan

__all__ = [
    "Guess",
    "Images",
    "LabelSource",
    "Refused",
    "Scan",
    "Series",
    "image_at",
    "label_source",
    "labels_at",
    "open_images",
    "part_of",
    "read_labels",
    "read_masks",
    "read_volume",
    "scan",
]
