"""Labels of an earlier image carried to a later one, without a case."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from organtwin.core.errors import BadArgument, BadInput
from organtwin.printing import Printer

if TYPE_CHECKING:
    from organtwin.core.labelmap import LabelMap
    from organtwin.core.volume import Volume

PROPAGATE: Final = "propagate"
"""Named like a method of segmentation; it joins two images, so that the pipeline does it."""


def propagate_image(
    asked: argparse.Namespace, names: Mapping[str, str], printer: Printer
) -> tuple[LabelMap, Volume]:
    """Write the labels carried to `asked.to`; returns them and the image that they lie on."""
    from organtwin.exporting.nifti import write_voxels
    from organtwin.importing import image_at, labels_at
    from organtwin.organs import organ
    from organtwin.pipeline.propagating import told
    from organtwin.updating import follow, propagated

    for name, value in (("--earlier IMAGE", asked.earlier), ("--labels FILE", asked.labels),
                        ("--to FILE", asked.to)):  # fmt: skip
        if not value:
            raise BadArgument(f"{name} is missing", advice="labels are carried from one to another")
    with printer.progress(PROPAGATE) as watch:
        later = image_at(Path(asked.path), asked.series, asked.modality, watch.part(0.0, 0.1))
        earlier = image_at(Path(asked.earlier), None, asked.modality, watch.part(0.1, 0.2))
        _refuse_withheld(asked.path, later)
        _refuse_withheld(asked.earlier, earlier)
        labels, _ = labels_at(
            Path(asked.labels), organ(asked.organ), on=earlier, names=names,
            watch=watch.part(0.2, 0.3), notice=printer.warn,
        )  # fmt: skip
        found = follow(earlier, labels, later, watch=watch.part(0.3, 0.9))
        carried = propagated(labels, found.registration, later)
        write_voxels(
            Path(asked.to), carried.labels, carried.affine,
            names={s.label: s.name for s in carried.structures}, watch=watch.part(0.95, 1.0),
        )  # fmt: skip
    printer.note(told(labels, carried, found))
    printer.result(
        correlation=found.likeness,
        residual_mm=found.registration.residual_mm,
        inside=found.inside,
        measured=False,
    )
    return carried, later


def _refuse_withheld(where: str, volume: Volume) -> None:
    if volume.geometry.grade == "withheld":
        raise BadInput(
            "its geometry withholds every place in mm: " + "; ".join(volume.geometry.findings),
            where=where,
            advice="import it into a case, where a person may acknowledge the findings",
        )
