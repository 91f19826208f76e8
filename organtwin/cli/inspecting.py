"""Without a case: what a place holds, and one series or its labels as NIfTI."""

from __future__ import annotations

import argparse
import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from organtwin.cli.verb import Verb
from organtwin.cli.written import add_replace, provenance, require_free, write_record
from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.printing import Printer
from organtwin.tables import Table

if TYPE_CHECKING:
    from organtwin.core.volume import Volume
    from organtwin.core.watch import Watch
    from organtwin.importing import Images, LabelSource, Refused, Series

SHOWN: Final = 20
MOST_LABELS: Final = 32767


def add(verb: Verb) -> None:
    """Add the verb."""
    made = verb("inspect", _inspect, "say what images, labels and other files are in a place")
    made.add_argument("path", help="folder, file, DICOMDIR or zip")
    made.add_argument("--series", type=int, metavar="N", help="number of a series, as listed")
    made.add_argument("--labels", type=int, metavar="M", help="number of a label file, as listed")
    made.add_argument("--to", metavar="FILE", help="write that series, or those labels on its grid")
    add_replace(made)


def _inspect(asked: argparse.Namespace, printer: Printer) -> None:
    from organtwin.importing import open_images

    if (asked.to is None) != (asked.series is None) or (asked.labels is not None and not asked.to):
        raise BadArgument("--series N and --to FILE go together, --labels M with both")
    if asked.to:
        require_free(Path(asked.to), replace=asked.replace, inputs=[asked.path], record=True)
    with (
        printer.progress("inspect") as watch,
        open_images(Path(asked.path), watch.part(0.0, 0.4)) as images,
    ):
        found = images.scan
        printer.result(
            series=[described(n, s) for n, s in enumerate(found.series)],
            labels=[_label(n, source) for n, source in enumerate(found.labels)],
            refused=[{"path": str(r.path), **_refusal(r)} for r in found.refused],
        )
        if asked.to is None:
            _show(images, printer)
        else:
            _write(asked, images, printer, watch.part(0.4, 1.0))


def described(number: int, series: Series) -> dict[str, Any]:
    """Return what is known of a series as plain values for JSON; lengths in mm, LPS.

    ``direction`` holds a matrix (3, 3) row by row, its columns unit vectors along i, j and k.
    """
    geometry = series.geometry
    identity = dataclasses.asdict(series.identity)
    identity.pop("nonce")
    axes = series.affine[:3, :3] / np.linalg.norm(series.affine[:3, :3], axis=0)
    return {
        "number": number,
        "uid": series.uid,
        "part": series.part,
        "identity": identity,
        "study_uid": series.study_uid,
        "frame_uid": series.frame_uid,
        "study_description": series.study_description,
        "modality": series.modality,
        "description": series.description,
        "acquired": series.acquired,
        "unit": series.unit,
        "size": list(series.size),
        "spacing_mm": list(geometry.spacing_mm),
        "direction": axes.ravel().tolist(),
        "origin_mm": series.affine[:3, 3].tolist(),
        "orientation": geometry.orientation,
        "tilt_deg": geometry.tilt_deg,
        "gap_min_mm": geometry.gap_min_mm,
        "gap_max_mm": geometry.gap_max_mm,
        "missing_slices": geometry.missing_slices,
        "phase": {"guess": series.guess.name, "reason": series.guess.reason},
        "geometry": dataclasses.asdict(geometry) | {"consequence": geometry.consequence},
        "files": [str(path) for path in series.files],
        "localizer": series.localizer,
        "refusal": _refusal(series.refusal) if series.refusal else None,
    }


def _label(number: int, source: LabelSource) -> dict[str, Any]:
    fields = dataclasses.asdict(source)
    fields["identity"].pop("nonce")
    return {"number": number, **fields, "path": str(source.path)}


def _refusal(refused: Refused) -> dict[str, str]:
    return {
        "error_class": refused.error_class,
        "reason": refused.reason,
        "advice": refused.advice,
    }


def _show(images: Images, printer: Printer) -> None:
    """Print what is there as tables; refused files by reason."""
    columns = ("number", "images", "date", "description", "voxels", "spacing mm", "grade",
               "probably", "to know")  # fmt: skip
    rows = tuple(_row(n, s) for n, s in enumerate(images.scan.series))
    printer.table(Table("Series", columns, rows))
    labels = tuple(
        (n, s.kind, s.path.name, ", ".join(s.names)) for n, s in enumerate(images.scan.labels)
    )
    printer.table(Table("Labels", ("number", "kind", "file", "structures"), labels))
    reasons = Counter((r.error_class, r.reason) for r in images.scan.refused)
    refused = tuple((count, *what) for what, count in reasons.most_common(SHOWN))
    printer.table(Table("Refused files", ("files", "error", "reason"), refused))


def _row(number: int, series: Series) -> tuple[Any, ...]:
    geometry, refusal = series.geometry, series.refusal
    known = dict.fromkeys([*([refusal.reason] if refusal else ()), *geometry.findings])
    return (
        number,
        series.modality or series.format,
        str(series.acquired or ""),
        series.description,
        " × ".join(map(str, series.size)),
        " × ".join(f"{mm:.3g}" for mm in geometry.spacing_mm),
        "refused" if refusal else geometry.grade,
        series.guess.name,
        "; ".join(filter(None, [*known, series.guess.reason])),
    )


def _chosen[T](things: Sequence[T], number: int, what: str) -> T:
    if not 0 <= number < len(things):
        raise BadArgument(f"no {what} {number}", advice=f"there are {len(things)}, from 0")
    return things[number]


def _write(asked: argparse.Namespace, images: Images, printer: Printer, watch: Watch) -> None:
    """Write the Volume of a series, or labels on its grid; says so when it is not good."""
    from organtwin.exporting.nifti import write_volume

    to = Path(asked.to)
    series = _chosen(images.scan.series, asked.series, "series")
    source = None
    if asked.labels is not None:
        source = _chosen(images.scan.labels, asked.labels, "label file")
    volume = images.volume(series, watch.part(0.0, 0.5))
    if volume.geometry.grade != "good":
        printer.warn(
            f"geometry {volume.geometry.grade}: " + "; ".join(volume.geometry.findings)
            + f". {volume.geometry.consequence}"
        )  # fmt: skip
    if source is None:
        write_volume(to, volume, watch.part(0.5, 1.0))
        written = ((str(to), "volume", str(volume.voxels.dtype), volume.unit),)
        printer.table(Table("Written", ("file", "what", "values", "unit"), written))
    else:
        _write_labels(to, images, source, volume, printer=printer, watch=watch.part(0.5, 1.0))
    told = provenance(
        to,
        method="inspect",
        settings={"series": asked.series, "labels": asked.labels},
        inputs={"images": asked.path},
    )
    write_record(to, told)
    printer.result(provenance=told)


def _write_labels(
    to: Path,
    images: Images,
    source: LabelSource,
    volume: Volume,
    *,
    printer: Printer,
    watch: Watch,
) -> None:
    """Write the structures of a label file as values from 1, later ones over earlier ones."""
    from organtwin.exporting.nifti import write_voxels

    masks = images.masks(source, volume, watch.part(0.0, 0.6))
    if not masks or not any(m.voxels.any() for m in masks) or len(masks) > MOST_LABELS:
        raise EmptyLabel("no structure has voxels on this series", where=str(source.path))
    kind = np.uint8 if len(masks) <= np.iinfo(np.uint8).max else np.int16
    values = np.zeros(volume.voxels.shape, dtype=kind, order="F")
    withheld = volume.geometry.grade == "withheld"
    for note in filter(None, (mask.note for mask in masks)):
        printer.warn(note)
    covered, rows = 0, []
    for value, mask in enumerate(masks, start=1):
        covered += int(np.count_nonzero(values[mask.voxels]))
        values[mask.voxels] = value
        here = int(np.count_nonzero(mask.voxels))
        ml = (here * volume.voxel_ml, mask.source_ml)
        rows.append((value, mask.name, here, *(("withheld",) * 2 if withheld else ml)))
    if covered:
        printer.warn(f"structures overlap: {covered} voxels have the value of the last one only")
    names = {value: mask.name for value, mask in enumerate(masks, start=1)}
    write_voxels(to, values, volume.affine, names=names, watch=watch.part(0.6, 1.0))
    columns = ("value", "structure", "voxels", "mL here", "mL in its file")
    printer.table(Table("Written", columns, tuple(rows)))
    printer.result(file=str(to), values=names)
