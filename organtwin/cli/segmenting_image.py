"""One image labelled and the labels written; nothing else is kept."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from organtwin.cli.propagating import PROPAGATE, propagate_image
from organtwin.cli.reading import json_file
from organtwin.cli.written import provenance, require_free, write_record
from organtwin.core.errors import BadArgument
from organtwin.core.volume import voxel_ml_of
from organtwin.printing import Printer
from organtwin.tables import Table, two_figures

if TYPE_CHECKING:
    from organtwin.core.labelmap import LabelMap
    from organtwin.core.volume import Volume
    from organtwin.pipeline.relabelling import Changed
    from organtwin.segmenting import Remark

HIDDEN_ML = 0.005
"""Less is not worth a warning."""


def segment_image(
    asked: argparse.Namespace,
    names: Mapping[str, str],
    settings: Mapping[str, float],
    printer: Printer,
) -> None:
    """Label one image by a method and write the labels, with their provenance beside them."""
    inputs = {"image": asked.path, "seeds": asked.seeds, "labels": asked.labels}
    inputs["earlier"] = asked.earlier
    if asked.to:
        read = list(inputs.values())
        require_free(Path(asked.to), replace=asked.replace, inputs=read, record=True)
    changed: Sequence[Changed] = ()
    used: Mapping[str, Any] = {}
    if asked.method == PROPAGATE:
        labels, volume = propagate_image(asked, names, printer)
        made_by = ""
    else:
        labels, volume, changed, (used, made_by) = _labelled(asked, names, settings, printer)
    _tell(asked, labels, volume, changed, printer=printer)
    told = provenance(
        Path(asked.to), method=asked.method, settings=used, inputs=inputs, made_by=made_by
    )
    write_record(Path(asked.to), told)
    printer.result(provenance=told)


def _labelled(
    asked: argparse.Namespace,
    names: Mapping[str, str],
    said: Mapping[str, float],
    printer: Printer,
) -> tuple[LabelMap, Volume, Sequence[Changed], tuple[Mapping[str, float], str]]:
    """Write the labels; returns them, their image, what changed, settings as used, the maker."""
    from organtwin.exporting.nifti import write_voxels
    from organtwin.importing import image_at, labels_at
    from organtwin.organs import organ as organ_named
    from organtwin.pipeline.relabelling import changes, require_asked
    from organtwin.segmenting import Request, method
    from organtwin.segmenting.seeds import seeds_of

    if not asked.to:
        raise BadArgument("--to FILE is missing", advice="say where the labels shall go")
    organ, chosen, path = organ_named(asked.organ), method(asked.method), Path(asked.path)
    told = json_file(asked.seeds, "seeds") if asked.seeds else {}
    with printer.progress("segment") as watch:
        modality = asked.modality or chosen.modality
        volume = image_at(path, asked.series, modality, watch.part(0.0, 0.2))
        so_far = None
        if asked.labels:
            so_far, _ = labels_at(
                Path(asked.labels), organ, on=volume, names=names,
                watch=watch.part(0.2, 0.3), notice=printer.warn,
            )  # fmt: skip
        seeds = seeds_of(told, volume.affine)
        remarks: list[Remark] = []
        request = Request(volume, organ, seeds, so_far, said, printer.note, remarks.append)
        labels = chosen.labelled(request, watch.part(0.3, 0.95))
        printer.result(remarks=[asdict(one) for one in remarks])
        changed = changes(so_far, labels) if so_far is not None else ()
        if not asked.replace:
            tumours = [s.name for s in labels.of_kind("tumour")]
            require_asked(None, changed, drawn_too=False, tumours=tumours)
        values = {s.label: s.name for s in labels.structures}
        write_voxels(
            Path(asked.to), labels.labels, labels.affine, names=values, watch=watch.part(0.95, 1.0)
        )
    return labels, volume, changed, (chosen.settings_used(said), chosen.made_by)


def _tell(
    asked: argparse.Namespace,
    labels: LabelMap,
    volume: Volume,
    changed: Sequence[Changed],
    *,
    printer: Printer,
) -> None:
    """Tell what was found and what of before changed; a geometry in doubt withholds volumes."""
    withheld = volume.geometry.grade == "withheld"
    if volume.geometry.grade != "good":
        printer.warn(f"geometry {volume.geometry.grade}: " + "; ".join(volume.geometry.findings))
    found = [_structure(labels, s.name, volume, withheld=withheld) for s in labels.structures]
    for one in found:
        if (one["beneath_ml"] or 0.0) >= HIDDEN_ML:
            printer.warn(
                f"{one['beneath_ml']:.2f} mL of {one['name']} lie beneath others: the file holds "
                "one value a voxel and shows those"
            )
    for line in (c.said(withheld=withheld) for c in changed if c.before_ml is not None):
        printer.note(line)
    printer.result(
        file=asked.to,
        method=asked.method,
        modality=volume.modality,
        geometry=volume.geometry.grade,
        structures=found,
        changed=[] if withheld else [asdict(c) for c in changed],
    )
    rows = tuple(
        (s["name"], ", ".join(map(str, s["values"])),
         "withheld" if withheld else s["volume_ml"], s["geometry_ml"])
        for s in found
    )  # fmt: skip
    printer.table(Table("Labels", ("structure", "values", "volume mL", "geometry ± mL"), rows))


def _structure(labels: LabelMap, name: str, volume: Volume, *, withheld: bool) -> dict[str, Any]:
    """Return what is told of a structure; what of it does not show in a file of one value each."""
    one = labels.structure(name)
    inside = [s.label for s in labels.inside(name)]
    shown = labels.shown(name) * voxel_ml_of(labels.affine)
    ml = labels.volume_ml(name)
    return {
        "name": name,
        "kind": one.kind,
        "within": one.within,
        "code": [one.code.value, one.code.scheme, one.code.meaning],
        "values": inside,
        "volume_ml": None if withheld else ml,
        "geometry_ml": None if withheld else two_figures(labels.unsure_ml(name, volume.geometry)),
        "beneath_ml": None if withheld else max(0.0, round(ml - shown, 6)),
    }
