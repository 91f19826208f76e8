"""Labels in NIfTI-1 files: a file that says it is labels, or any that a person says is.

A file says so by its intent code (NIFTI_INTENT_LABEL, nifti1.h) or by a label table in a header
extension, as TotalSegmentator and Connectome Workbench write it; the table gives the names.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np

from organtwin.core.errors import BadInput
from organtwin.core.watch import Watch
from organtwin.importing.grids import LabelGrid, as_labels, label_format, named, values_in
from organtwin.importing.nifti import (
    HEADER,
    Header,
    beginning_of,
    claims,
    header_of,
    stored_in,
)
from organtwin.importing.opening import Opened
from organtwin.importing.streams import GZIP, Stream

KIND: Final = "NIFTI"
LABEL_INTENT: Final = 1002
LABEL_ROW: Final = re.compile(
    rb'<Label\s[^<>]{0,99}?Key="(\d{1,5})"[^<>]{0,299}>(?:<!\[CDATA\[)?([^<>\]]{1,99})(?:\]\]>)?</L'
)
SUFFIXES: Final = re.compile(r"(\.nii)?(\.gz)?$", re.IGNORECASE)


def says_labels(file: Opened) -> bool:
    """Return whether a file is NIfTI-1 and says that its values are labels."""
    if not claims(file):
        return False
    header = header_of(beginning_of(file.beginning))
    return header.intent == LABEL_INTENT or bool(_table(file.path, header))


def _table(path: Path, header: Header) -> dict[int, str]:
    """Return label → name from the header's extensions."""
    length = header.offset - HEADER
    if length <= 4:
        return {}
    with path.open("rb") as file:
        gzipped = file.read(2) == GZIP
    start, skip = (0, HEADER) if gzipped else (HEADER, 0)
    extension = Stream(path, start, length, skip, gzipped=gzipped, beginning=True).read(Watch())
    rows = LABEL_ROW.findall(extension.tobytes())
    return {int(key): name.decode("utf-8", "replace").strip() for key, name in rows}


def label_grid(path: Path, watch: Watch) -> LabelGrid:
    """Return the labels of a NIfTI-1 file as they are in it.

    Raises:
        UnreadableFile, WrongGeometry: as `header_of`.
        BadInput: it is not there, or its values are no labels.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(512)
    except OSError as error:
        raise BadInput(f"this cannot be read ({error.strerror})", where=str(path)) from error
    header = header_of(beginning_of(beginning))
    values = stored_in(path, header, watch)
    if (header.slope, header.intercept) != (1.0, 0.0):
        values = values * np.float64(header.slope) + header.intercept
    labels = as_labels(values, str(path))
    stem = SUFFIXES.sub("", path.name)
    segments = named(values_in(labels, str(path)), _table(path, header), stem)
    return LabelGrid((labels,), header.affine, segments)


LABELS: Final = label_format(KIND, label_grid, says=says_labels, may_be=claims)
