"""Slices to Series: what single and multi-frame DICOM images share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadInput, UnreadableFile, WrongGeometry
from organtwin.core.origin import Instance, Origin
from organtwin.core.volume import GeometryReport
from organtwin.importing.elements import Elements
from organtwin.importing.found import Found, Guess, Refused, Series, Slice
from organtwin.importing.geometry import (
    FEWEST,
    SAME_PLACE_MM,
    arranged,
    heights_mm,
    plane_grid,
    sketched,
)
from organtwin.importing.guessing import guesses_of, in_order
from organtwin.importing.opening import Opened
from organtwin.importing.pixels import checked
from organtwin.importing.planes import acquired_of, dated, identity_of
from organtwin.importing.values import notes_on, unit_in

SAME_DIRECTION: Final = 1e-3
LOCALIZER_PLANES: Final = 3
VOXEL_LIMIT: Final = 2**31


@dataclass
class _Collected:
    """What the files of one SeriesInstanceUID gave."""

    first: Opened
    slices: list[Slice] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    frames: set[str] = field(default_factory=set)
    said: dict[Path, Elements] = field(default_factory=dict)

    def earliest(self) -> Elements:
        """Return the header of the image that was taken first."""
        headers = self.said.values() or [self.first.elements]
        return min(headers, key=lambda said: said.text("AcquisitionTime"))

    def broken(self) -> Refused | None:
        """Return the first file that is damaged, which keeps the whole series from being read."""
        return next((r for r in self.refused if r.error_class == UnreadableFile.__name__), None)


def series_of(
    format_name: str, files: Sequence[Opened], slices_of: Callable[[Opened], Iterable[Slice]]
) -> Found:
    """Group files by series and person, then by orientation, size and phase."""
    first: dict[str, _Collected] = {}
    groups: dict[tuple[str, ...], _Collected] = {}
    for file in files:
        key = tuple(map(file.elements.text, ("SeriesInstanceUID", "PatientName", "PatientID")))
        if key not in groups:
            others = first.setdefault(key[0], _Collected(file))
            groups[key] = _Collected(file) if _of_another(file, others.first) else others
        _collect(groups[key], file, slices_of)
    found = tuple({id(group): group for group in groups.values()}.values())
    told = [(s, group.earliest()) for group in found for s in _parts(format_name, group)]
    guesses = in_order([(said, s.guess) for s, said in told])
    series = tuple(replace(s, guess=g) for (s, _), g in zip(told, guesses, strict=True))
    return series, tuple(refused for group in found for refused in group.refused)


def _of_another(file: Opened, other: Opened) -> bool:
    """Return whether two files are clearly of two people: one series UID is two series then."""
    return identity_of(file.elements).is_clearly_not(identity_of(other.elements))


def _collect(
    into: _Collected, file: Opened, slices_of: Callable[[Opened], Iterable[Slice]]
) -> None:
    """Add the slices of a file and note what is wrong with it."""
    try:
        slices = tuple(slices_of(file))
        into.slices += slices
        into.said[file.path] = file.elements
        into.frames |= {file.elements.text("FrameOfReferenceUID")} - {""}
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
    parts = [
        (*_without_copies(part), guess)
        for plane in planes
        for part, guess in _guessed(_by_phase(plane), collected.said)
    ]
    for number, (part, findings, guess) in enumerate(parts):
        refusal = collected.broken()
        if refusal is None and localizer:
            reason = "a localizer, not a volume"
            refusal = Refused(part[0].pixels.path.parent, WrongGeometry.__name__, reason)
        if refusal is None and len(collected.frames) > 1:
            reason = f"images of {len(collected.frames)} frames of reference in one series"
            refusal = Refused(part[0].pixels.path.parent, WrongGeometry.__name__, reason)
        one = _described(
            format_name, said, part, number, findings=findings, refusal=refusal, localizer=localizer
        )
        yield one if localizer else replace(one, guess=guess)


def _guessed(
    stacks: list[list[Slice]], said: Mapping[Path, Elements]
) -> Iterable[tuple[list[Slice], Guess]]:
    """Return the stacks of one plane, each with what it probably is."""
    headers = [
        min((said[s.pixels.path] for s in stack), key=lambda e: e.text("AcquisitionTime"))
        for stack in stacks
    ]
    return zip(stacks, guesses_of(headers), strict=True)


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
    ordered, size, affine, report, problem = _placed(part)
    unit, mixed = _unit(ordered)
    refusal = refusal or problem or mixed
    findings = (*findings, *notes_on(ordered))
    how_dated, doubt = dated(said)
    report = replace(report, established=(*report.established, ("date", how_dated)))
    findings = (*findings, doubt) if doubt else findings
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
        identity=identity_of(said),
        files=tuple(dict.fromkeys(s.pixels.path for s in ordered)),
        geometry=replace(report, findings=(*findings, *report.findings)),
        size=size,
        affine=affine,
        unit=unit,
        part=number,
        localizer=localizer,
        refusal=refusal,
        format=format_name,
        slices=ordered,
        origin=_origin(said, ordered),
        study_description=said.text("StudyDescription"),
    )


def _unit(slices: tuple[Slice, ...]) -> tuple[str, Refused | None]:
    try:
        return unit_in(slices), None
    except BadInput as error:
        return "1", Refused.by(error, slices[0].pixels.path.parent)


def _origin(said: Elements, slices: tuple[Slice, ...]) -> Origin:
    return Origin(
        said.text("StudyInstanceUID"),
        said.text("SeriesInstanceUID"),
        said.text("FrameOfReferenceUID"),
        said.text("SOPClassUID"),
        study_id=said.text("StudyID"),
        study_date=said.text("StudyDate"),
        study_time=said.text("StudyTime"),
        accession_number=said.text("AccessionNumber"),
        frames=slices[0].pixels.frames,
        instances=tuple(Instance(s.sop_uid, s.frame, s.position_mm) for s in slices),
    )


Placed = tuple[
    tuple[Slice, ...],
    tuple[int, int, int],
    NDArray[np.float64],
    GeometryReport,
    Refused | None,
]


def _placed(part: list[Slice]) -> Placed:
    """Return slices in order, the grid's size, affine and report, and why it cannot be used."""
    try:
        stack = arranged(part)
        if np.prod(stack.size, dtype=np.float64) > VOXEL_LIMIT:
            raise WrongGeometry(f"more than {VOXEL_LIMIT} voxels", advice="export fewer slices")
        return stack.slices, stack.size, stack.affine, stack.report, None
    except WrongGeometry as error:
        refusal = Refused.by(error, part[0].pixels.path.parent)
        ordered = tuple(part[n] for n in np.argsort(heights_mm(part), kind="stable"))
        size = (part[0].pixels.columns, part[0].pixels.rows, len(part))
        report = sketched(part, error.what)
        affine = plane_grid(ordered[0], report.spacing_mm[2] or 1.0)
        return ordered, size, affine, report, refusal


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
    if (a.row, a.column, a.spacing_mm) == (b.row, b.column, b.spacing_mm):
        return same_grid
    turned = np.abs(np.subtract([a.row, a.column], [b.row, b.column])).max()
    scaled = np.abs(np.subtract(a.spacing_mm, b.spacing_mm)).max()
    return bool(same_grid and turned < SAME_DIRECTION and scaled < SAME_DIRECTION)


def _without_copies(slices: list[Slice]) -> tuple[list[Slice], tuple[str, ...]]:
    """Drop files that hold the same image once more, those with loss first; says so."""
    lossless_last = sorted(slices, key=lambda one: not one.lossy)
    unique = list({(s.sop_uid or str(s.pixels.path), s.frame): s for s in lossless_last}.values())
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
