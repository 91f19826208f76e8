"""Automatic liver, portal and hepatic veins and dark tumours from CT, without training."""

from __future__ import annotations

import numpy as np

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.segmenting import Method, Request
from organtwin.segmenting.boundary import half_way, sharpened, signed_mm
from organtwin.segmenting.closeup import Grid
from organtwin.segmenting.coarse import block_mean, coarse_spacing, factors_for, refined
from organtwin.segmenting.composed import composed
from organtwin.segmenting.frame import Flags
from organtwin.segmenting.morphology import Box
from organtwin.segmenting.naming import kept_of, named, numbered_by_place
from organtwin.segmenting.organ import liver_body, liver_core, scene_of, spine_ij
from organtwin.segmenting.parenchyma import Parenchyma, parenchyma_of
from organtwin.segmenting.plausible import place_in, refuse_unlikely
from organtwin.segmenting.tumours import tumours_in
from organtwin.segmenting.veins import UNTOLD, vessels_in, with_untold

COARSE_MM = 3.0


def segment(request: Request, watch: Watch) -> LabelMap:
    """Label liver, veins and tumours of a CT; seeds are not used.

    Veins that cannot be told apart are labelled "veins". Without contrast there are none. Liver and
    veins so far are found anew; all else so far stays whole, tumours too, and the liver takes in
    what lies within it. A tumour that is there already is not labelled twice.

    Returns:
        LabelMap on the volume's grid: "liver", then what was found of "portal-vein",
        "hepatic-vein", "veins", "tumour-1"… by descending size, numbered after those there are.

    Raises:
        BadArgument: not a CT in HU, or another organ than the liver.
        EmptyLabel: no liver found, or what was found is hardly one (`plausible`).
        Stopped: asked to stop.
    """
    checked(request)
    watch.tell(0.0, "finding the liver")
    grid = Grid.of(request.volume)
    tissue, box, spine_i = liver_in(grid, watch)
    found = _inside(tissue, spine_i, watch)
    masks = {name: grid.back(mask, box) for name, mask in found.items() if mask.any()}
    watch.tell(1.0, f"{len(masks)} structures")
    return _labelled({n: m for n, m in masks.items() if m.any()}, request)


def liver_in(grid: Grid, watch: Watch) -> tuple[Parenchyma, Box, float]:
    """The liver's tissue in a box of the grid, and index i of the spine's middle in that box.

    Raises:
        EmptyLabel: no liver found, or what was found is hardly one (`plausible`).
    """
    whole, wall, spine_i = _coarse_liver(grid, watch)
    watch.tell(0.4, "tracing the liver's surface")
    box = grid.around(whole)
    liver = sharpened(grid.image[box], whole[box], grid.spacing_mm, barred=wall[box])
    tissue = parenchyma_of(grid.image[box], liver, grid.spacing_mm)
    return tissue, box, spine_i - (box[0].start or 0)


def checked(request: Request) -> None:
    """Raise BadArgument unless this is a CT in HU of the liver."""
    volume, organ = request.volume, request.organ
    if organ.name != "liver":
        raise BadArgument(
            f"liver-ct labels the liver, not the {organ.name}",
            where="segment",
            advice="use a seeded method",
        )
    if volume.modality != "CT" or volume.unit != "HU":
        raise BadArgument(
            "this CT's values are not calibrated to HU"
            if volume.modality == "CT"
            else f"liver-ct reads CT in HU, not {volume.modality or 'what says no modality'}",
            where="segment",
            advice="use a seeded method"
            if volume.modality
            else "say --modality CT where it is one",
        )


def _coarse_liver(grid: Grid, watch: Watch) -> tuple[Flags, Flags, float]:
    """The liver and the chest wall found on a coarse grid, on the fine one; the spine's index i."""
    factors = factors_for(grid.spacing_mm, COARSE_MM)
    spacing = coarse_spacing(grid.spacing_mm, factors)
    coarse = block_mean(grid.image, factors)
    scene = scene_of(coarse, spacing)
    core = liver_core(scene, coarse)
    watch.tell(0.15, "separating the liver from its neighbours")
    body = liver_body(scene, core)
    for _ in range(2):
        body = half_way(scene.even, body, spacing, reach_mm=4.0, noise=3.0, deepest=60.0)
        body &= ~scene.wall
    refuse_unlikely(scene, coarse, body, lambda: place_in(grid, body, factors))
    spine_i = spine_ij(scene)[0] * factors[0] + 0.5 * (factors[0] - 1)
    liver = refined(signed_mm(body, spacing), factors, grid.image.shape) < 0.0
    wall = refined(scene.wall.astype(np.float32), factors, grid.image.shape) > 0.5
    return liver, wall, spine_i


def _inside(tissue: Parenchyma, spine_i: float, watch: Watch) -> dict[str, Flags]:
    """Liver, tumours and veins by name, in the box."""
    found = {"liver": tissue.organ}
    watch.tell(0.55, "looking for tumours")
    tumours = tumours_in(tissue)
    watch.tell(0.75, "following the veins")
    sick = np.logical_or.reduce([np.zeros_like(tissue.organ), *tumours])
    vessels = vessels_in(tissue, sick, spine_i)
    veins = vessels.told_apart() if vessels is not None else None
    if veins is not None and veins.apart:
        found["liver"] = tissue.organ | veins.all
        found |= {"portal-vein": veins.portal, "hepatic-vein": veins.hepatic}
    elif veins is not None:
        found[UNTOLD.name] = veins.all & tissue.organ
    return found | {f"tumour-{n}": mask for n, mask in enumerate(tumours, start=1)}


def _labelled(found: dict[str, Flags], request: Request) -> LabelMap:
    """What was found, on the volume's own grid, beside what else was labelled so far."""
    veins = {s.name for s in request.organ.structures if s.kind == "vessel"} | {UNTOLD.name}
    new = numbered_by_place(found, request.labels)
    kept, old = kept_of(request.labels, but=veins | new.keys())
    liver = request.organ.name
    inner = (old[s.name] for s in kept if s.within == liver)
    new[liver] = np.logical_or.reduce([new[liver], *inner])
    structures = named(new, with_untold(request.organ), request.labels)
    return composed(old | new, kept + structures, request, overlapping=bool(kept))


METHOD = Method(
    "liver-ct",
    "Liver, veins and tumours from contrast CT, automatic",
    "automatic",
    segment,
    modality="CT",
)
