"""The images of a visit in a report: how their geometry was found, structures and volumes."""

from __future__ import annotations

from collections.abc import Sequence

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import GeometryReport
from organtwin.reporting.content import Block, Cell, Note, Picture, Section, Table, Text, Warnings
from organtwin.reporting.numbers import THIN, significant


def labels_section(
    labels: LabelMap, *, labels_id: str, geometry: GeometryReport, pictures: Sequence[Picture] = ()
) -> Section:
    """Return the structures of a visit with their volumes, and how its geometry was found.

    A geometry graded "withheld" shows no volume and says why; one acknowledged says so beside each
    volume, and how much it may change it.
    """
    withheld = geometry.grade == "withheld"
    note = Note("voxels of the label map times the voxel's volume", (labels_id,))
    rows = tuple(
        (
            Cell(s.name),
            Cell(s.kind),
            Cell("withheld") if withheld else Cell(_volume(labels, s.name, geometry), note),
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
        Table(("structure", "kind", "volume", "coded term"), rows, (0.25, 0.15, 0.2, 0.4)),
    ]
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


def _volume(labels: LabelMap, name: str, geometry: GeometryReport) -> str:
    """Return a volume in mL; with the grade and what it may change where that is not good."""
    text = significant(labels.volume_ml(name)) + f"{THIN}mL"
    if geometry.grade == "good":
        return text
    unsure = significant(labels.unsure_ml(name, geometry))
    return f"{text} (geometry {geometry.grade}: ±{THIN}{unsure}{THIN}mL at most)"
