"""Automatic liver, portal and hepatic veins and dark tumours from CT, without training."""

from __future__ import annotations

import numpy as np

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import CodedTerm, LabelMap, Structure, stacked
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.organs import Organ, tumour
from organtwin.segmenting import Method, Request
from organtwin.segmenting.boundary import half_way, sharpened, signed_mm
from organtwin.segmenting.coarse import (
    Factors,
    block_mean,
    coarse_spacing,
    factors_for,
    refined,
)
from organtwin.segmenting.frame import Flags, Floats, Frame, Spacing, frame_of
from organtwin.segmenting.morphology import Box, around
from organtwin.segmenting.organ import liver_body, liver_core, scene_of, spine_ij
from organtwin.segmenting.parenchyma import Parenchyma, parenchyma_of
from organtwin.segmenting.tumours import tumours_in
from organtwin.segmenting.veins import veins_in

COARSE_MM = 3.0
FINE_MM = 1.2
MARGIN_MM = 25.0
VEIN = Structure(
    "veins", 4, "vessel", CodedTerm("29092000", "SCT", "Vein"), (0.30, 0.44, 0.75), "liver"
)


def segment(request: Request, watch: Watch) -> LabelMap:
    """Label liver, veins and tumours of a CT; seeds and labels so far are not used.

    Veins that cannot be told apart are labelled "veins". Without contrast there are none.

    Returns:
        LabelMap on the volume's grid: "liver", then what was found of "portal-vein",
        "hepatic-vein", "veins", "tumour-1"… by descending size.

    Raises:
        BadArgument: not a CT in HU, or another organ than the liver.
        EmptyLabel: no liver found.
        Stopped: asked to stop.
    """
    volume, organ = request.volume, request.organ
    checked(volume, organ)
    frame = frame_of(volume.affine)
    watch.tell(0.0, "finding the liver")
    hu = np.ascontiguousarray(frame.turned(volume.voxels))
    factors = factors_for(frame.spacing_mm, FINE_MM)
    fine_mm = coarse_spacing(frame.spacing_mm, factors)
    fine = block_mean(hu, factors)
    whole, spine_i = _coarse_liver(fine, fine_mm, watch)
    watch.tell(0.4, "tracing the liver's surface")
    box = around(whole, MARGIN_MM, fine_mm)
    liver = sharpened(fine[box], whole[box], fine_mm)
    tissue = parenchyma_of(fine[box], liver, fine_mm)
    found = _inside(tissue, spine_i - (box[0].start or 0), watch)
    masks = {
        name: _full(mask, box, fine.shape, factors=factors, shape=hu.shape)
        for name, mask in found.items()
    }
    watch.tell(1.0, f"{len(masks)} structures")
    return _labelled(masks, organ, frame, volume)


def checked(volume: Volume, organ: Organ) -> None:
    """Raise BadArgument unless this is a CT in HU of the liver."""
    if organ.name != "liver":
        raise BadArgument(
            f"liver-ct labels the liver, not the {organ.name}",
            where="segment",
            advice="use a seeded method",
        )
    if volume.modality != "CT" or volume.unit != "HU":
        raise BadArgument(
            f"liver-ct reads CT in HU, not {volume.modality or 'an unknown modality'} "
            f"in {volume.unit or 'no unit'}",
            where="segment",
            advice="use a seeded method",
        )


def _coarse_liver(fine: Floats, fine_mm: Spacing, watch: Watch) -> tuple[Flags, float]:
    """The liver found on a coarse grid, on the fine grid again, and index i of the spine."""
    factors = factors_for(fine_mm, COARSE_MM)
    spacing = coarse_spacing(fine_mm, factors)
    coarse = block_mean(fine, factors)
    scene = scene_of(coarse, spacing)
    core = liver_core(scene, coarse)
    watch.tell(0.15, "separating the liver from its neighbours")
    body = liver_body(scene, core)
    for _ in range(2):
        body = half_way(scene.even, body, spacing, reach_mm=4.0, noise=3.0, deepest=60.0)
    spine_i = spine_ij(scene)[0] * factors[0] + 0.5 * (factors[0] - 1)
    return refined(signed_mm(body, spacing), factors, fine.shape) < 0.0, spine_i


def _inside(tissue: Parenchyma, spine_i: float, watch: Watch) -> dict[str, Flags]:
    """Liver, tumours and veins by name, in the box."""
    found = {"liver": tissue.organ}
    watch.tell(0.55, "looking for tumours")
    tumours = tumours_in(tissue)
    watch.tell(0.75, "following the veins")
    sick = np.logical_or.reduce([np.zeros_like(tissue.organ), *tumours])
    veins = veins_in(tissue, sick, spine_i)
    if veins is not None:
        found["liver"] = tissue.organ | veins.all
    if veins is not None and veins.apart:
        found |= {"portal-vein": veins.portal, "hepatic-vein": veins.hepatic}
    elif veins is not None:
        found["veins"] = veins.all
    return found | {f"tumour-{n}": mask for n, mask in enumerate(tumours, start=1)}


def _full(
    mask: Flags, box: Box, fine: tuple[int, ...], *, factors: Factors, shape: tuple[int, ...]
) -> Flags:
    """A mask in the box on the whole image's own voxels."""
    whole = np.zeros(fine, bool)
    whole[box] = mask
    if factors == (1, 1, 1):
        return whole
    spacing = (1.0 * factors[0], 1.0 * factors[1], 1.0 * factors[2])
    return refined(signed_mm(whole, spacing), factors, shape) < 0.0


def _labelled(masks: dict[str, Flags], organ: Organ, frame: Frame, volume: Volume) -> LabelMap:
    """Masks in patient axes to a LabelMap on the volume's grid."""
    kept = {name: frame.back(mask) for name, mask in masks.items() if mask.any()}
    always = {s.name: s for s in organ.structures} | {VEIN.name: VEIN}
    structures = tuple(
        always[name] if name in always else tumour(int(name.split("-")[1]), organ.name)
        for name in kept
    )
    return stacked(kept, structures, volume.affine)


METHOD = Method(
    "liver-ct",
    "Liver, veins and tumours from contrast CT, automatic",
    "automatic",
    segment,
    modality="CT",
)
