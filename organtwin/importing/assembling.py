"""Slices to Series, Series to Volume: what single and multi-frame DICOM images share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadInput, UnreadableFile, WrongGeometry
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.importing.found import Found, Pixels, Refused, Series, Slice
from organtwin.importing.geometry import (
    FEWEST,
    SAME_PLACE_MM,
    Stack,
    arranged,
    heights_mm,
    sketched,
)
from organtwin.importing.opening import Opened
from organtwin.importing.pixels import FrameReader, checked
from organtwin.importing.planes import acquired_of, unit_of
from organtwin.importing.resampling import resampled

THREADS: Final = 2
SAME_DIRECTION: Final = 1e-3
LOCALIZER_PLANES: Final = 3
VOXEL_LIMIT: Final = 2**31
INT16: Final = (-32768, 32767)


@dataclass
class _Collected:
    """What the files of one SeriesInstanceUID gave."""

    first: Opened
    slices: list[Slice] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def broken(self) -> Refused | None:
        """Return the first file that is damaged, which keeps the whole series from being read."""
        return next((r for r in self.refused if r.error_class == UnreadableFile.__name__), None)


def series_of(
    format_name: str, files: Sequence[Opened], slices_of: Callable[[Opened], Iterable[Slice]]
) -> Found:
    """Group files by series, then by orientation, size and phase."""
    collected: dict[str, _Collected] = {}
    for file in files:
        uid = file.elements.text("SeriesInstanceUID")
        _collect(collected.setdefault(uid, _Collected(file)), file, slices_of)
    series = tuple(s for c in collected.values() for s in _parts(format_name, c))
    return series, tuple(refused for c in collected.values() for refused in c.refused)


def _collect(
    into: _Collected, file: Opened, slices_of: Callable[[Opened], Iterable[Slice]]
) -> None:
    """Add the slices of a file and note what is wrong with it."""
    try:
        slices = tuple(slices_of(file))
        into.slices += slices
        if file.dataset and file.dataset.damage:
            raise UnreadableFile(file.dataset.damage, advice="export the file again")
        for pixels in {s.pixels for s in slices}:
            checked(pixels)
    except BadInput as error:
        into.refused.append(Refused.by(error, file.path))


def _parts(format_name: str, collected: _Collected) -> Iterable[Series]:
    planes = _by_plane(collected.slices)
    said = collected.first.elements
    localizer = "LOCALIZER" in said.texts("ImageType") or len(planes) >= LOCALIZER_PLANES
    parts = [_without_copies(part) for plane in planes for part in _by_phase(plane)]
    for number, (part, findings) in enumerate(parts):
        refusal = collected.broken()
        if refusal is None and localizer:
            reason = "a localizer, not a volume"
            refusal = Refused(part[0].pixels.path.parent, WrongGeometry.__name__, reason)
        yield _described(
            format_name, said, part, number, findings=findings, refusal=refusal, localizer=localizer
        )


def _described(
    format_name: str,
    said: Any,
    part: list[Slice],
    number: int,
    *,
    findings: tuple[str, ...],
    refusal: Refused | None,
    localizer: bool,
) -> Series:
    ordered, size, report, problem = _placed(part)
    refusal = refusal or problem
    if refusal is not None and problem is None:
        findings = (refusal.reason, *findings)
        report = replace(report, grade="withheld")
    return Series(
        uid=said.text("SeriesInstanceUID"),
        study_uid=said.text("StudyInstanceUID"),
        frame_uid=said.text("FrameOfReferenceUID"),
        modality=said.text("Modality"),
        description=said.text("SeriesDescription"),
        acquired=acquired_of(said),
        patient_name=said.text("PatientName"),
        patient_id=said.text("PatientID"),
        files=tuple(dict.fromkeys(s.pixels.path for s in ordered)),
        geometry=replace(report, findings=(*findings, *report.findings)),
        size=size,
        unit=unit_of(said),
        part=number,
        localizer=localizer,
        refusal=refusal,
        format=format_name,
        slices=ordered,
    )


def _placed(
    part: list[Slice],
) -> tuple[tuple[Slice, ...], tuple[int, int, int], GeometryReport, Refused | None]:
    """Return slices in order, the grid's size, its report and why it cannot be used, if so."""
    try:
        stack = arranged(part)
        if np.prod(stack.size, dtype=np.float64) > VOXEL_LIMIT:
            raise WrongGeometry(f"more than {VOXEL_LIMIT} voxels", advice="export fewer slices")
        return stack.slices, stack.size, stack.report, None
    except WrongGeometry as error:
        refusal = Refused.by(error, part[0].pixels.path.parent)
        ordered = tuple(part[n] for n in np.argsort(heights_mm(part), kind="stable"))
        size = (part[0].pixels.columns, part[0].pixels.rows, len(part))
        return ordered, size, sketched(part, error.what), refusal


def _by_plane(slices: list[Slice]) -> list[list[Slice]]:
    """Split by size, spacing and orientation."""
    groups: list[list[Slice]] = []
    for one in slices:
        for group in groups:
            if _alike(group[0], one):
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def _alike(a: Slice, b: Slice) -> bool:
    same_grid = (a.pixels.rows, a.pixels.columns) == (b.pixels.rows, b.pixels.columns)
    turned = np.abs(np.subtract([a.row, a.column], [b.row, b.column])).max()
    scaled = np.abs(np.subtract(a.spacing_mm, b.spacing_mm)).max()
    return bool(same_grid and turned < SAME_DIRECTION and scaled < SAME_DIRECTION)


def _without_copies(slices: list[Slice]) -> tuple[list[Slice], tuple[str, ...]]:
    """Drop files that hold the same image once more; says so."""
    unique = list({(s.sop_uid or str(s.pixels.path), s.frame): s for s in slices}.values())
    copies = len(slices) - len(unique)
    return unique, (f"{copies} copies of the same images were left out",) if copies else ()


def _by_phase(slices: list[Slice]) -> list[list[Slice]]:
    """Split images that lie at the same places by what tells whole stacks of them apart."""
    unique, _ = _without_copies(slices)
    if not _crowded(unique):
        return [slices]
    for n in range(len(slices[0].phase)):
        phases: dict[str, list[Slice]] = {}
        for one in slices:
            phases.setdefault(one.phase[n], []).append(one)
        stacks = [_without_copies(phase)[0] for phase in phases.values()]
        if all(len(stack) >= FEWEST and not _crowded(stack) for stack in stacks):
            return list(phases.values())
    return [slices]


def _crowded(slices: list[Slice]) -> bool:
    return bool((np.diff(np.sort(heights_mm(slices))) < SAME_PLACE_MM).any())


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
    planes, files = np.empty((nk, nj, ni), dtype=dtype), _Files(stack.slices)

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
