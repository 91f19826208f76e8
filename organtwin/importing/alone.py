"""One image, or the labels of one file, without a case: what the command line works on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from organtwin.core.errors import BadArgument, BadInput, NoImages
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import GeometryReport, Volume, spacing_of
from organtwin.core.watch import Watch
from organtwin.importing.establishing import established_by_file
from organtwin.importing.found import LabelSource, Scan, Series
from organtwin.importing.geometry import orientation_of
from organtwin.importing.images import Images, open_images
from organtwin.organs import Organ

SHOWN = 20


def image_at(path: Path, series: int | None, modality: str, watch: Watch) -> Volume:
    """Return the Volume of a folder, file, DICOMDIR or zip.

    Args:
        series: its number as `organtwin inspect` counts; None where only one makes a volume.
        modality: of a file that says none (NIfTI, NRRD), "" for unknown; "CT" makes its values HU.

    Raises:
        NoImages: nothing there makes a volume.
        BadArgument: several do and none was chosen, or no such number.
        UnreadableFile, WrongGeometry: as reading it finds.
    """
    with open_images(path, watch.part(0.0, 0.4)) as images:
        volume = images.volume(_chosen(images.scan, series, path), watch.part(0.4, 1.0))
    if volume.modality or not modality:
        return volume
    return replace(volume, modality=modality, unit="HU" if modality == "CT" else volume.unit)


def labels_at(
    path: Path,
    organ: Organ,
    *,
    on: Volume | None = None,
    beside: Path | None = None,
    names: Mapping[str, str] | None = None,
    watch: Watch,
    notice: Callable[[str], object] = bool,
    valued: Callable[[str, int], object] = lambda *_: None,
) -> tuple[LabelMap, Volume]:
    """Return the labels of a file, and the grid that they lie on.

    Args:
        on: the grid wanted; without it the file's own (NIfTI, NRRD), else that of the images it was
            drawn on.
        beside: where those images lie, the file's own folder when not said.
        names: segment, or value of its voxels, → structure, as for `read_labels`, which names the
            rest.
        notice: told what a person has to know of a structure.
        valued: told the value that a structure's voxels have in the file, where it holds values.

    Raises:
        BadInput: there is not exactly one file of labels at `path`.
        NoImages: the images that it was drawn on are not there.
        Others as `read_labels`.
    """
    with open_images(path, watch.part(0.0, 0.2)) as images:
        source = _source(images, path, watch.part(0.2, 0.3))
        grid = on or (_own(source) if source.size[0] else None)
        if grid is None:
            grid = _drawn_on(source, beside or path.parent, watch.part(0.3, 0.6))
        labels = images.labels(
            source, grid, organ, names=_by_name(names, source), watch=watch.part(0.6, 1.0),
            notice=notice,
            became=lambda segment, structure: _tell_value(source, segment, structure, valued),
        )  # fmt: skip
    return labels, grid


def _tell_value(
    source: LabelSource, segment: str, structure: str, valued: Callable[[str, int], object]
) -> None:
    values = dict(zip(source.names, source.values, strict=False))
    if segment in values:
        valued(structure, values[segment])


def _by_name(names: Mapping[str, str] | None, source: LabelSource) -> dict[str, str]:
    """Return what segments stand for where some are named by the value of their voxels."""
    known = dict(zip(map(str, source.values), source.names, strict=False))
    return {
        name if name in source.names else known.get(name, name): structure
        for name, structure in (names or {}).items()
    }


def _source(images: Images, path: Path, watch: Watch) -> LabelSource:
    sources = images.scan.labels or (images.label_source(path, watch),)
    if len(sources) != 1:
        raise BadInput(
            f"{len(sources)} files of labels are here, not one",
            where=str(path),
            advice="name one: " + ", ".join(source.path.name for source in sources[:SHOWN]),
        )
    return sources[0]


def _own(source: LabelSource) -> Volume:
    """Return the grid of a file of labels as a Volume of zeros."""
    affine = np.array(source.affine).reshape(4, 4)
    spacing = spacing_of(affine)
    report = GeometryReport(
        spacing_mm=spacing,
        orientation=orientation_of(affine),
        gap_min_mm=spacing[2],
        gap_max_mm=spacing[2],
        grade="good",
        established=established_by_file(source.kind.lower()),
    )
    return Volume(np.zeros(source.size, np.int16, order="F"), affine, "1", "", report)


def _drawn_on(source: LabelSource, place: Path, watch: Watch) -> Volume:
    """Return the images that a file of labels names."""
    with open_images(place, watch.part(0.0, 0.4)) as images:
        found = [
            s
            for s in images.scan.series
            if s.refusal is None
            and (
                s.uid == source.referenced_series_uid
                if source.referenced_series_uid
                else s.frame_uid == source.frame_uid != ""
            )
        ]
        if len(found) != 1:
            raise NoImages(
                f"{len(found)} series here are the images that it was drawn on, not one",
                where=str(place),
                advice="say where they are, or which series",
            )
        return images.volume(found[0], watch.part(0.4, 1.0))


def _chosen(scan: Scan, number: int | None, path: Path) -> Series:
    usable = scan.usable()
    if number is None and len(usable) == 1:
        return usable[0]
    if number is None:
        listed = "; ".join(
            f"{n} ({s.modality or s.format}, {s.description}, {s.size[2]} slices)"
            for n, s in enumerate(scan.series)
            if s.refusal is None
        )
        raise BadArgument(
            f"{len(usable)} series here make a volume",
            where=str(path),
            advice=f"choose one with --series NUMBER: {listed[:2000]}",
        )
    if not 0 <= number < len(scan.series):
        raise BadArgument(
            f"no series {number}", where=str(path), advice=f"there are {len(scan.series)}, from 0"
        )
    return scan.series[number]
