"""Slices to Series: what single and multi-frame DICOM images share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadInput, UnreadableFile, WrongGeometry
from organtwin.core.origin import Instance, Origin
from organtwin.core.volume import GeometryReport
from organtwin.importing.copies import without_copies
from organtwin.importing.dating import visit_of
from organtwin.importing.dictionary import tag_of
from organtwin.importing.elements import Elements
from organtwin.importing.found import Found, Guess, Refused, Series, Slice
from organtwin.importing.geometry import arranged, heights_mm, plane_grid, sketched
from organtwin.importing.guessing import guesses_of, in_order
from organtwin.importing.opening import Opened
from organtwin.importing.parting import Part, parts_of
from organtwin.importing.pixels import checked
from organtwin.importing.planes import compared, identity_of
from organtwin.importing.projections import projected
from organtwin.importing.values import notes_on, unit_in
from organtwin.importing.whereabouts import reading

VOXEL_LIMIT: Final = 2**31
TAKEN: Final = tag_of("AcquisitionTime")


@dataclass
class _Collected:
    """What the files of one SeriesInstanceUID gave."""

    first: Opened
    slices: list[Slice] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    frames: set[str] = field(default_factory=set)
    said: dict[int, Opened] = field(default_factory=dict)
    """The file of each Pixels, by id."""

    def earliest(self) -> Elements:
        """Return the header of the image that was taken first."""
        return _earliest(self.said.values() or [self.first])

    def files_of(self, slices: Iterable[Slice]) -> list[Opened]:
        """Return the files of slices, each once."""
        return [self.said[pixels] for pixels in dict.fromkeys(id(s.pixels) for s in slices)]

    def broken(self) -> Refused | None:
        """Return the first file that is damaged, which keeps the whole series from being read."""
        return next((r for r in self.refused if r.error_class == UnreadableFile.__name__), None)


def series_of(
    format_name: str, files: Sequence[Opened], slices_of: Callable[[Opened], Iterable[Slice]]
) -> Found:
    """Group files by series and person, then by orientation, size and phase."""
    first: dict[str, _Collected] = {}
    groups: dict[tuple[str, ...], _Collected] = {}
    known: dict[int, _Collected] = {}
    for file in files:
        with reading(file.path):
            if id(file.kind) in known:
                _collect(known[id(file.kind)], file, slices_of)
                continue
            key = tuple(map(file.elements.text, ("SeriesInstanceUID", "PatientName", "PatientID")))
            if key not in groups:
                others = first.setdefault(key[0], _Collected(file))
                groups[key] = _Collected(file) if _of_another(file, others.first) else others
            _collect(groups[key], file, slices_of)
            if file.kind is not None:
                known[id(file.kind)] = groups[key]
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
        pixels = {id(s.pixels): s.pixels for s in slices}
        into.said |= dict.fromkeys(pixels, file)
        into.frames |= {file.elements.text("FrameOfReferenceUID")} - {""}
        if file.dataset and file.dataset.damage:
            raise UnreadableFile(file.dataset.damage, advice="export the file again")
        for one in pixels.values():
            checked(one)
    except BadInput as error:
        into.refused.append(Refused.by(error, file.path))


def _parts(format_name: str, collected: _Collected) -> Iterable[Series]:
    unique, copies, clash = without_copies(collected.slices)
    parts = parts_of(unique)
    files = [collected.files_of(part.slices) for part in parts]
    guesses = _guessed(parts, files)
    for number, (part, guess) in enumerate(zip(parts, guesses, strict=True)):
        headers = _headers(files[number])
        refusal = _refusal(collected, part, headers, clash=clash)
        stated = _stated(headers[0], len(part.slices), len(unique))
        left_out = () if clash else _left_out(part, copies)
        part = replace(part, findings=(*left_out, *part.findings, *stated))
        one = _described(format_name, part, number, headers=headers, refusal=refusal)
        yield one if part.localizer else replace(one, guess=guess)


def _left_out(part: Part, copies: Mapping[str, int]) -> tuple[str, ...]:
    count = sum(copies.get(uid, 0) for uid in {s.sop_uid for s in part.slices})
    return (f"{count} copies of the same images were left out",) if count else ()


def _stated(said: Elements, here: int, together: int) -> tuple[str, ...]:
    """Return what the header says of how many images there are, where it is not what is here.

    NumberOfSlices is of one stack (PS3.3 C.8.9.4); ImagesInAcquisition (C.7.6.1) may count several
    stacks, or be one of several acquisitions of a series.
    """
    slices, images = (compared(said, k) for k in ("NumberOfSlices", "ImagesInAcquisition"))
    findings: tuple[str, ...] = ()
    if slices and slices != here:
        findings += (f"NumberOfSlices says {slices:g}, {here} are here",)
    if images and images > together:
        findings += (f"ImagesInAcquisition says {images:g}, {together} are here",)
    return findings


def _refusal(
    collected: _Collected, part: Part, headers: Sequence[Elements], *, clash: str
) -> Refused | None:
    """Return why no volume may be made of a part, whatever its geometry."""
    where, kind = part.slices[0].pixels.path.parent, WrongGeometry.__name__
    if (broken := collected.broken()) is not None:
        return broken
    if part.localizer:
        return Refused(where, kind, "a localizer, not a volume")
    if reason := projected(headers):
        return Refused(where, kind, reason, "choose the sections that it was made of")
    if clash:
        return Refused(where, kind, clash, "export the series again")
    if len(collected.frames) > 1:
        reason = f"images of {len(collected.frames)} frames of reference in one series"
        return Refused(where, kind, reason)
    return None


def _headers(files: Iterable[Opened]) -> list[Elements]:
    """Return what files say, the first for all of a kind: without what images have of their own."""
    first: dict[int, Opened] = {}
    for file in files:
        first.setdefault(id(file.kind or file), file)
    return [file.elements for file in first.values()]


def _guessed(parts: Sequence[Part], files: Sequence[Sequence[Opened]]) -> Iterable[Guess]:
    """Return what each part probably is, told by those of the same plane."""
    both = zip(parts, files, strict=True)
    for _, group in groupby(both, key=lambda pair: pair[0].plane):
        yield from guesses_of([_earliest(of_part) for _, of_part in group])


def _earliest(files: Iterable[Opened]) -> Elements:
    first: dict[Any, Elements] = {}
    for file in files:
        first.setdefault(file.elements.raw.get(TAKEN), file.elements)
    return min(first.values(), key=lambda said: said.text("AcquisitionTime"))


def _described(
    format_name: str,
    part: Part,
    number: int,
    *,
    headers: Sequence[Elements],
    refusal: Refused | None,
) -> Series:
    said = headers[0]
    ordered, size, affine, report, problem = _placed(part.slices)
    unit, mixed = _unit(ordered)
    refusal = refusal or problem or mixed
    day, how_dated, doubts = visit_of(headers)
    findings = (*part.findings, *part.doubts, *notes_on(ordered), *doubts)
    report = replace(report, established=(*report.established, ("date", how_dated)))
    if part.doubts:
        report = replace(report, grade="withheld")
    if refusal is not None and problem is None:
        findings = (refusal.reason, *findings)
        report = replace(report, grade="withheld")
    return Series(
        uid=said.text("SeriesInstanceUID"),
        study_uid=said.text("StudyInstanceUID"),
        frame_uid=said.text("FrameOfReferenceUID"),
        modality=said.text("Modality"),
        description=said.text("SeriesDescription"),
        acquired=day,
        identity=identity_of(said),
        files=tuple({id(s.pixels): s.pixels.path for s in ordered}.values()),
        geometry=replace(report, findings=(*findings, *report.findings)),
        size=size,
        affine=affine,
        unit=unit,
        part=number,
        localizer=part.localizer,
        refusal=refusal,
        format=format_name,
        slices=ordered,
        origin=_origin(said, ordered),
        study_description=said.text("StudyDescription"),
        body_part=said.text("BodyPartExamined"),
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
