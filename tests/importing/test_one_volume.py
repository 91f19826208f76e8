"""NIfTI files that hold less or more than one volume say so."""

import struct

import numpy as np
import pytest

from organtwin.core.errors import WrongGeometry
from organtwin.exporting.nifti import header
from organtwin.importing.nifti import header_of


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((2, 8, 8, 1, 1), "one slice only"),
        ((3, 8, 8, 1, 1), "one slice only"),
        ((4, 8, 8, 8, 5), "5 time points"),
    ],
)
def test_that_a_slice_and_a_series_in_time_are_named(size: tuple[int, ...], said: str) -> None:
    made = header((8, 8, 8), np.dtype("<i2"), np.eye(4), said="", labels=False, offset=352)
    changed = bytearray(made)
    struct.pack_into("<5h", changed, 40, *size)
    with pytest.raises(WrongGeometry, match=said):
        header_of(bytes(changed))
