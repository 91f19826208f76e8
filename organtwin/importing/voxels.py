"""Voxels of a Series of DICOM slices: decoded, rescaled, on the grid of its stack."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.importing.found import Pixels, Series, Slice
from organtwin.importing.geometry import Stack, arranged
from organtwin.importing.pixels import FrameReader
from organtwin.importing.region import empty
from organtwin.importing.resampling import resampled

THREADS: Final = 2
TASKS: Final = 100
"""About as many steps in which voxels are read, since handing one over costs some time."""
INT16: Final = (-32768, 32767)


def read(series: Series, watch: Watch) -> Volume:
    """Read and rescale the voxels of a Series of DICOM slices.

    int16 where slope and intercept are whole numbers and the values fit, else float32. Padding
    (PixelPaddingValue) is kept, rescaled as any value; where a resampled grid reaches beyond the
    slices it is filled with the padding value, else with the lowest value.

    Raises:
        UnreadableFile: a file is damaged, changed since the scan, or cannot be decoded.
        WrongGeometry: the slices make no volume.
    """
    stack = arranged(series.slices)
    voxels = _voxels(stack, watch)
    return series.volume(voxels, stack.affine)


class _TooWide(Exception):
    """Values that int16 cannot hold."""


def _voxels(stack: Stack, watch: Watch) -> NDArray[Any]:
    whole = all(
        s.slope.is_integer() and s.intercept.is_integer() and s.pixels.kind != "f"
        for s in stack.slices
    )
    if not stack.exact:
        fill = stack.slices[0].padding_value
        files = _Files(stack.slices)
        values = resampled(stack, lambda n: rescaled(files, n), fill=fill, watch=watch)
        fits = INT16[0] <= values.min() and values.max() <= INT16[1]
        return np.rint(values).astype(np.int16, order="F") if whole and fits else values
    if whole:
        try:
            return _filled(stack, np.dtype("i2"), watch)
        except _TooWide:
            pass
    return _filled(stack, np.dtype("f4"), watch)


class _Files:
    """Stored samples of slices; files of many frames are read once."""

    def __init__(self, slices: tuple[Slice, ...]) -> None:
        self.slices = slices
        self._many: dict[Pixels, FrameReader] = {
            pixels: FrameReader(pixels)
            for pixels in dict.fromkeys(s.pixels for s in slices)
            if pixels.frames > 1
        }

    def samples(self, n: int, room: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return (rows, columns) of one slice, read into `room` where they fit there."""
        one = self.slices[n]
        known = self._many.get(one.pixels) if one.pixels.frames > 1 else None
        return (known or FrameReader(one.pixels, room)).frame(one.frame)


def rescaled(files: _Files, n: int) -> NDArray[np.float32]:
    """Return (rows, columns) float32 of one slice in the image's unit."""
    one = files.slices[n]
    return (files.samples(n).astype(np.float64) * one.slope + one.intercept).astype(np.float32)


def rescale_into(plane: NDArray[Any], files: _Files, n: int) -> None:
    """Fill a plane (rows, columns), int16 or float32, with a slice in the image's unit.

    Integers are computed modulo 2^16, which is exact where both ends of the values fit.

    Raises:
        _TooWide: int16 cannot hold them.
    """
    one = files.slices[n]
    if plane.dtype.kind == "f":
        plane[...] = files.samples(n).astype(np.float64) * one.slope + one.intercept
        return
    samples = files.samples(n, plane)
    slope, intercept = int(one.slope), int(one.intercept)
    for possible, end in zip(_ends(one.pixels), (samples.min, samples.max), strict=True):
        known = possible is not None and _fits(possible * slope + intercept)
        if not known and not _fits(int(end()) * slope + intercept):
            raise _TooWide
    if not (samples.dtype.isnative and np.may_share_memory(samples, plane)):
        np.copyto(plane, samples, casting="unsafe")
    if slope != 1:
        plane *= _wrapped(slope)
    if intercept:
        plane += _wrapped(intercept)


def _ends(pixels: Pixels) -> tuple[int, int] | tuple[None, None]:
    """Return the least and the greatest value that a sample may have, None where any.

    What a decoder makes of a damaged code may be beyond the bits stored.
    """
    if pixels.length is None or pixels.bits == 1:
        return None, None
    half = 2 ** (pixels.bits_stored - 1)
    return (-half, half - 1) if pixels.kind == "i" else (0, 2 * half - 1)


def _fits(number: int) -> bool:
    return INT16[0] <= number <= INT16[1]


def _wrapped(number: int) -> np.int16:
    """Return a number modulo 2^16."""
    return np.int16((number + 2**15) % 2**16 - 2**15)


def _filled(stack: Stack, dtype: np.dtype[Any], watch: Watch) -> NDArray[Any]:
    """Return (ni, nj, nk) of a stack that is a regular grid, Fortran order."""
    ni, nj, nk = stack.size
    planes, files = empty((nk, nj, ni), dtype), _Files(stack.slices)

    step = max(1, nk // TASKS)

    def read_some(first: int) -> int:
        last = min(first + step, nk) - 1
        for n in range(first, last + 1):
            rescale_into(planes[n], files, n)
        return last

    pool = ThreadPoolExecutor(THREADS)
    try:
        for n in pool.map(read_some, range(0, nk, step)):
            watch.tell((n + 1) / nk, f"reading {stack.slices[n].pixels.path.name}")
    finally:
        pool.shutdown(cancel_futures=True)
    return planes.transpose(2, 1, 0)
