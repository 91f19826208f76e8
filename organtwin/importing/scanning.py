"""Walk a folder of anything and say what it holds: never follows links out, always bounded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from organtwin.core.errors import BadArgument, BadInput, NoImages, UnreadableFile
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.importing.archive import MAGIC as ZIP
from organtwin.importing.dicomdir import SOP_CLASS
from organtwin.importing.formats import Mask, everything_wanted, image_formats, label_formats
from organtwin.importing.found import LabelSource, Refused, Scan, Series
from organtwin.importing.opening import Opened, opened
from organtwin.importing.repeating import Repeats
from organtwin.importing.walking import files_of
from organtwin.importing.whereabouts import reading


def scan(path: Path, watch: Watch) -> Scan:
    """Find every series and label file in a folder, or look at one file.

    Headers only; of a DICOMDIR the files that it cites (see `walking`).

    Raises:
        NoImages: there is nothing at `path`, or no file in it.
        BadInput: more than 200 000 files.
        Stopped: somebody asked to stop.
    """
    paths, refused = listed(path)
    files, damaged = headers_of(paths, watch)
    return sorted_out(files, (*refused, *damaged))


def listed(path: Path) -> tuple[list[Path], list[Refused]]:
    """Return the files to look at below `path` and those refused; raises as `scan`."""
    paths, refused = files_of(path)
    if not paths and not refused:
        raise NoImages(
            "no files there" if path.exists() else "there is no such folder or file",
            where=str(path),
            advice="choose the folder that holds the images",
        )
    return paths, refused


def headers_of(paths: Sequence[Path], watch: Watch) -> tuple[list[Opened], list[Refused]]:
    """Look at the beginning of each file; raises Stopped."""
    files, refused, tree, repeats = [], [], everything_wanted(), Repeats()
    for n, one in enumerate(paths):
        watch.tell(n / len(paths), f"looking at {one.name}")
        try:
            files.append(opened(one, tree, repeats))
        except BadInput as error:
            refused.append(Refused.by(error, one))
        except MemoryError:
            refused.append(Refused(one, UnreadableFile.__name__, "needs too much memory"))
    return files, refused


def sorted_out(files: Sequence[Opened], refused: Sequence[Refused]) -> Scan:
    """Group what was looked at into series and label files."""
    claimed: dict[str, list[Opened]] = {}
    sources: list[LabelSource] = []
    problems = list(refused)
    homes: dict[int, str] = {}
    for one in files:
        if id(one.kind) in homes:
            claimed[homes[id(one.kind)]].append(one)
            continue
        try:
            with reading(one.path):
                name = _sort(one, claimed, sources)
            if name and one.kind is not None:
                homes[id(one.kind)] = name
        except BadInput as error:
            problems.append(Refused.by(error, one.path))
    series: list[Series] = []
    for name, images in claimed.items():
        found, unfit = image_formats()[name].series(images)
        series += found
        problems += unfit
    series.sort(key=lambda s: (s.acquired.isoformat() if s.acquired else "", s.uid, s.part))
    return Scan(tuple(series), tuple(sources), tuple(problems))


def _sort(file: Opened, claimed: dict[str, list[Opened]], sources: list[LabelSource]) -> str:
    """Give a file to the format that claims it; raises BadInput when none does.

    Returns the name of an image format, which claims all files of the same kind.
    """
    if file.sop_class == SOP_CLASS:
        return ""
    for label in label_formats().values():
        if label.claims(file):
            if file.dataset and file.dataset.damage:
                raise UnreadableFile(file.dataset.damage, where=str(file.path))
            sources.append(label.source(file))
            return ""
    for image in image_formats().values():
        if image.claims(file):
            claimed.setdefault(image.name, []).append(file)
            return image.name
    raise _unclaimed(file)


def _unclaimed(file: Opened) -> BadInput:
    if file.dataset is None and file.beginning.startswith(ZIP):
        return BadInput(
            "a zip, which is not looked into here",
            where=str(file.path),
            advice="choose it alone, or unpack it",
        )
    if file.dataset is None:
        return UnreadableFile("not a file of a known format", where=str(file.path))
    if file.dataset.damage:
        return UnreadableFile(file.dataset.damage, where=str(file.path))
    kind = file.elements.text("Modality") or "DICOM object"
    return BadInput(f"{kind} without images or labels", where=str(file.path))


def read_volume(series: Series, watch: Watch) -> Volume:
    """Read the voxels of a Series.

    Raises:
        UnreadableFile: a file is damaged, changed since the scan, or cannot be decoded.
        WrongGeometry: the slices make no volume (too few, at one place, a localizer).
        Stopped: somebody asked to stop.
    """
    if series.refusal is not None:
        raise series.refusal.error()
    return image_formats()[series.format].read(series, watch)


def read_masks(source: LabelSource, volume: Volume, watch: Watch) -> tuple[Mask, ...]:
    """Read every structure of a label file on a Volume's grid, overlaps kept.

    Raises:
        UnreadableFile, WrongGeometry: as the format finds.
        BadArgument: no format of that kind.
    """
    formats = label_formats()
    if source.kind not in formats:
        raise BadArgument(f"no label format {source.kind!r}", advice="there are: SEG, RTSTRUCT")
    return formats[source.kind].masks(source, volume, watch)
