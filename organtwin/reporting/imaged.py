"""The images of a visit in a report: how their geometry was found, structures and volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from organtwin.core.case import Work
from organtwin.core.labelmap import LabelMap
from organtwin.core.scenario import Quantity
from organtwin.core.volume import GeometryReport
from organtwin.reporting.content import Block, Cell, Note, Picture, Section, Table, Text, Warnings
from organtwin.reporting.numbers import THIN, significant

COLUMNS = ("structure", "kind", "volume", "longest diameter × across", "work", "coded term")


def labels_section(
    labels: LabelMap,
    *,
    labels_id: str,
    geometry: GeometryReport,
    pictures: Sequence[Picture] = (),
    lengths: Mapping[str, Sequence[Quantity]] | None = None,
    notes: Sequence[tuple[str, str]] = (),
    work: Sequence[Work] = (),
) -> Section:
    """Return the structures of a visit with their volumes, and how its geometry was found.

    Args:
        lengths: structure → its diameters: the longest within a slice, that across it, others.
        notes: (structure, what a person has to know of its numbers).
        work: how far structures are; those not named are not started.

    A geometry graded "withheld" shows no volume and says why; one acknowledged says so beside each
    volume, and how much it may change it.
    """
    withheld = geometry.grade == "withheld"
    states = {w.structure: f"{w.state} by {w.who}" if w.who else w.state for w in work}
    note = Note("voxels of the label map times the voxel's volume", (labels_id,))
    rows = tuple(
        (
            Cell(s.name),
            Cell(s.kind),
            Cell("withheld") if withheld else Cell(_volume(labels, s.name, geometry), note),
            _diameters((lengths or {}).get(s.name, ())),
            Cell(states.get(s.name, "not started")),
            Cell(f"{s.code.meaning} ({s.code.scheme} {s.code.value})"),
        )
        for s in sorted(labels.structures, key=lambda s: s.label)
        if labels.mask(s.name).any()
    )
    spacing = " × ".join(f"{s:.2f}" for s in geometry.spacing_mm)
    found = " ".join(geometry.findings) or "No finding."
    blocks: list[Block] = [
        Text(
            (
                f"Voxels of {spacing} mm, axes {geometry.orientation}, tilt "
                f"{geometry.tilt_deg:.2f}°; geometry graded {geometry.grade}. {found}",
                f"{geometry.consequence[:1].upper()}{geometry.consequence[1:]}.",
                *_never_taken(labels, geometry),
                *(f"{what.capitalize()}: {how}." for what, how in geometry.established),
            )
        ),
        *pictures,
        Table(COLUMNS, rows, (0.18, 0.1, 0.18, 0.18, 0.14, 0.22)),
    ]
    if notes:
        lines = tuple(f"{name}: {said}" for name, said in notes)
        blocks.append(Warnings("To know of these numbers", lines))
    if withheld:
        why = geometry.findings or ("the geometry of this series was not established",)
        blocks.append(Warnings("Volumes are withheld: the geometry is not fit to measure", why))
    return Section("Images and structures", tuple(blocks))


def _never_taken(labels: LabelMap, geometry: GeometryReport) -> tuple[str, ...]:
    """Return what filled-in slices mean for the volume of each organ, where some were filled in."""
    if geometry.interpolated_ml <= 0 or geometry.grade == "withheld":
        return ()
    return tuple(
        f"Up to ±{THIN}{significant(labels.unsure_ml(s.name, geometry))}{THIN}mL of the {s.name}'s "
        "volume rest on slices that were never taken."
        for s in labels.of_kind("organ")
    )


def _diameters(found: Sequence[Quantity]) -> Cell:
    """Return the longest diameter and the one across it; how all were found in the note."""
    if len(found) < 2:
        return Cell("–")
    text = " × ".join(significant(q.value) for q in found[:2]) + f"{THIN}mm"
    basis = "; ".join(f"{q.name} {significant(q.value)}{THIN}{q.unit}: {q.basis}" for q in found)
    return Cell(text, Note(basis, found[0].inputs))


def _volume(labels: LabelMap, name: str, geometry: GeometryReport) -> str:
    """Return a volume in mL; with the grade and what it may change where that is not good."""
    text = significant(labels.volume_ml(name)) + f"{THIN}mL"
    if geometry.grade == "good":
        return text
    unsure = significant(labels.unsure_ml(name, geometry))
    return f"{text} (geometry {geometry.grade}: ±{THIN}{unsure}{THIN}mL at most)"
