"""Voxels of a Series of DICOM slices: decoded, rescaled, on the grid of its stack."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
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
    return Volume(
        voxels=voxels,
        affine=stack.affine,
        unit=series.unit,
        modality=series.modality,
        geometry=series.geometry,
        acquired=series.acquired,
        series_uid=series.uid,
        study_uid=series.study_uid,
        frame_uid=series.frame_uid,
        description=series.description,
    )


class _TooWide(Exception):
    """Values that int16 cannot hold."""


def _voxels(stack: Stack, watch: Watch) -> NDArray[Any]:
    whole = all(
        s.slope.is_integer() and s.intercept.is_integer() and s.pixels.kind != "f"
        for s in stack.slices
    )
    if not stack.exact:
        fill = _fill(stack.slices[0])
        files = _Files(stack.slices)
        values = resampled(
            stack, lambda n: rescaled(files, n, np.dtype("f4")), fill=fill, watch=watch
        )
        fits = INT16[0] <= values.min() and values.max() <= INT16[1]
        return np.rint(values).astype(np.int16, order="F") if whole and fits else values
    if whole:
        try:
            return _filled(stack, np.dtype("i2"), watch)
        except _TooWide:
            pass
    return _filled(stack, np.dtype("f4"), watch)


def _fill(one: Slice) -> float | None:
    return None if one.padding is None else one.padding * one.slope + one.intercept


class _Files:
    """Stored samples of slices; files of many frames are read once."""

    def __init__(self, slices: tuple[Slice, ...]) -> None:
        self.slices = slices
        self._many: dict[Pixels, FrameReader] = {
            pixels: FrameReader(pixels)
            for pixels in dict.fromkeys(s.pixels for s in slices)
            if pixels.frames > 1
        }

    def samples(self, n: int) -> NDArray[Any]:
        one = self.slices[n]
        reader = self._many.get(one.pixels) or FrameReader(one.pixels)
        return reader.frame(one.frame)


def rescaled(files: _Files, n: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return (rows, columns) of one slice in the image's unit; raises _TooWide."""
    one, samples = files.slices[n], files.samples(n)
    if dtype.kind == "f":
        return (samples.astype(np.float64) * one.slope + one.intercept).astype(dtype)
    low, high = int(samples.min()), int(samples.max())
    ends = [int(end * one.slope + one.intercept) for end in (low, high)]
    if min(ends) < INT16[0] or max(ends) > INT16[1]:
        raise _TooWide
    wide = np.int32 if samples.dtype.itemsize < 4 else np.int64
    return (samples.astype(wide) * int(one.slope) + int(one.intercept)).astype(dtype)


def _filled(stack: Stack, dtype: np.dtype[Any], watch: Watch) -> NDArray[Any]:
    """Return (ni, nj, nk) of a stack that is a regular grid, Fortran order."""
    ni, nj, nk = stack.size
    planes, files = empty((nk, nj, ni), dtype), _Files(stack.slices)

    def read_one(n: int) -> Path:
        planes[n] = rescaled(files, n, dtype)
        return stack.slices[n].pixels.path

    pool = ThreadPoolExecutor(THREADS)
    try:
        for n, path in enumerate(pool.map(read_one, range(nk))):
            watch.tell((n + 1) / nk, f"reading {path.name}")
    finally:
        pool.shutdown(cancel_futures=True)
    return planes.transpose(2, 1, 0)
