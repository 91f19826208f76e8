"""Remarks: what of a method's answer a person should look at, with how much and where.

A remark never stops anything. Each structure that came out new or changed is looked at for what a
surgeon would doubt: cut off by the image, in pieces, of a volume that the organ seldom has, with a
border where the image shows no edge. Where the geometry withholds volumes, only the last is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume, spacing_of, to_lps, voxel_ml_of
from organtwin.segmenting.coarse import block_mean, coarse_spacing, factors_for
from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.morphology import Box, around, blurred

Kind = Literal["border", "pieces", "volume", "flat", "edge", "reach", "diameter", "accuracy"]
Place = tuple[float, float, float]

USUAL_ML = {
    "liver": (620.0, 1940.0, "adults: 1281 ± 219 mL, Jasper 2019, here ± 3 sd, newborns 139 mL"),
    "spleen": (107.0, 315.0, "adults without disease, Prassopoulos et al. 1997"),
}
"""Volumes by name: least, most, of whom (10.7860/JCDR/2019/41932.13038, 10.3389/fped.2021.629645,
European Radiology 7:246-248)."""
APART = 0.01
"""Volumes measured in two ways may differ by as much unsaid (docs/measuring.md)."""
CUT_MM2 = 100.0
UNSUPPORTED = 0.5
CLEAR_SDS = 1.0
PATCH_MM = 3.0
SIDE_MM = 1.5
MOST_VOXELS = 2_000_000
NEAR_MM = 10.0
SIDES = (("right", "left"), ("front", "back"), ("lower", "upper"))


@dataclass(frozen=True)
class Remark:
    """Something to look at.

    Args:
        structure: its name, "" for the whole image.
        kind: what sort of remark it is.
        what: one clause: what, and how much; without a semicolon, which parts remarks.
        amount: how much, in `unit`.
        place_mm: where, LPS, None for everywhere.
    """

    structure: str
    kind: Kind
    what: str
    amount: float
    unit: str
    place_mm: Place | None = None

    def __str__(self) -> str:
        """Return one line for a person."""
        who = f"{self.structure} " if self.structure else ""
        if self.place_mm is None:
            return f"look: {who}{self.what}"
        x, y, z = self.place_mm
        return f"look: {who}{self.what} at ({x:.0f}, {y:.0f}, {z:.0f}) mm"


def remarks_on(made: LabelMap, volume: Volume, before: LabelMap | None) -> Iterator[Remark]:
    """Yield what is to be looked at of structures that are not as they were before."""
    if made.structures and float(np.ptp(volume.voxels)) == 0.0:
        what = f"the image is {float(volume.voxels.flat[0]):g} all over: nothing in it has a border"
        yield Remark("", "flat", what, 0.0, volume.unit)
        return
    known = {s.name for s in before.structures} if before is not None else set()
    for name in (s.name for s in made.structures):
        mask = made.mask(name)
        same = before is not None and name in known and np.array_equal(mask, before.mask(name))
        if mask.any() and not same:
            yield from _remarks(name, mask, volume)


def _remarks(name: str, mask: Flags, volume: Volume) -> Iterator[Remark]:
    yield from without_edge(name, mask, volume)
    if volume.geometry.grade == "withheld":
        return
    yield from cut_off(name, mask, volume)
    box = around(mask, 0.0, spacing_of(volume.affine))
    yield from in_pieces(name, mask[box], _moved(volume.affine, box))
    ml = float(mask[box].sum()) * voxel_ml_of(volume.affine)
    least, most, of = USUAL_ML.get(name, (0.0, np.inf, ""))
    if not least <= ml <= most:
        what = f"is of {ml:.0f} mL, not {least:.0f} to {most:.0f} ({of})"
        yield Remark(name, "volume", what, ml, "mL")


def cut_off(name: str, mask: Flags, volume: Volume) -> Iterator[Remark]:
    """Say where a mask goes through a side of the image, by more than 1 cm²."""
    spacing = spacing_of(volume.affine)
    for axis in range(3):
        mm2 = float(np.prod(spacing)) / spacing[axis]
        for end in (0, mask.shape[axis] - 1):
            plane = np.take(mask, end, axis=axis)
            area = float(plane.sum()) * mm2
            if area < CUT_MM2:
                continue
            index = np.insert(np.argwhere(plane).mean(axis=0), axis, end)
            outward = volume.affine[:3, axis] * (1.0 if end else -1.0)
            along = int(np.argmax(np.abs(outward)))
            side = SIDES[along][int(outward[along] > 0.0)]
            what = f"is cut off by the image's {side} end over {area / 100.0:.0f} cm²"
            yield Remark(name, "border", what, area / 100.0, "cm²", _place(volume.affine, index))


def in_pieces(name: str, mask: Flags, affine: NDArray[np.float64]) -> Iterator[Remark]:
    """Say how much of a mask lies outside its largest piece, where that is more than 1 %.

    Pieces are joined by faces, edges or corners.
    """
    parts, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count < 2:
        return
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    largest = int(np.argmax(sizes))
    apart = int(sizes.sum() - sizes[largest])
    if apart <= APART * sizes.sum():
        return
    sizes[largest] = 0
    second = np.argwhere(parts == int(np.argmax(sizes)))
    ml = apart * voxel_ml_of(affine)
    what = f"has {ml:.2g} mL outside its largest piece, in {count - 1} more, the next largest"
    yield Remark(name, "pieces", what, ml, "mL", _place(affine, second.mean(axis=0)))


def without_edge(name: str, mask: Flags, volume: Volume) -> Iterator[Remark]:
    """Say where the image shows no edge along more than half of a mask's border."""
    share, index = edgeless(volume.voxels, mask, spacing_of(volume.affine))
    if share > UNSUPPORTED:
        what = f"has a border without an edge in the image along {share:.0%} of it, most"
        yield Remark(name, "edge", what, 100.0 * share, "%", _place(volume.affine, index))


def edgeless(
    image: NDArray[np.generic], mask: Flags, spacing: Spacing
) -> tuple[float, NDArray[np.float64]]:
    """Share of a mask's border where the image shows no edge; index (3,) of where most is.

    Values 1.5 mm inside and outside each face of the border, in the image blurred by 1 mm, have to
    differ, in the mean over the faces 3 mm around (Gaussian), by the spread that single such
    differences have within the mask: that mean varies by a third of it or less. What the image's
    end cuts is not counted. Large masks are looked at in coarser voxels.

    Args:
        image: (ni, nj, nk), as `mask`, which has voxels.
        spacing: voxel size, mm.
    """
    box = around(mask, 3.0 * max(*spacing, 2.0 * SIDE_MM), spacing)
    size = float(np.prod([(c.stop - c.start) * s for c, s in zip(box, spacing, strict=True)]))
    factors = factors_for(spacing, float(np.cbrt(size / MOST_VOXELS)))
    steps = coarse_spacing(spacing, factors)
    inside = block_mean(mask[box], factors) >= 0.5
    even = blurred(block_mean(image[box], factors), 1.0, steps)
    lost, faces = _faces_without_edge(even, inside, steps)
    thick = np.unravel_index(int(np.argmax(blurred(lost, NEAR_MM, steps))), lost.shape)
    start = np.array([cut.start for cut in box])
    index = start + (np.array(thick) + 0.5) * factors - 0.5
    return (float(lost.sum()) / faces if faces else 0.0), index


def _faces_without_edge(even: Floats, inside: Flags, spacing: Spacing) -> tuple[Floats, float]:
    """Area without an edge at each voxel (ni, nj, nk), mm²; area of the whole border, mm²."""
    steps, areas = np.zeros(inside.shape, np.float32), np.zeros(inside.shape, np.float32)
    alike: list[Floats] = []
    for axis in range(3):
        image, step_at, area_at = (np.moveaxis(a, axis, 0) for a in (even, steps, areas))
        mask = np.moveaxis(inside, axis, 0)
        deep = max(1, round(SIDE_MM / spacing[axis] + 0.5))
        if len(mask) < 2 * deep:
            continue
        rise = image[2 * deep - 1 :] - image[: 1 - 2 * deep]
        low, high = mask[deep - 1 : -deep], mask[deep : len(mask) - deep + 1]
        mm2 = np.float32(np.prod(spacing) / spacing[axis])
        step_at[deep - 1 : -deep] += (low.astype(np.float32) - high) * rise * mm2
        area_at[deep - 1 : -deep] += (low != high) * mm2
        alike.append(rise[mask[2 * deep - 1 :] & mask[: 1 - 2 * deep]])
    within = np.concatenate(alike)
    noise = 1.4826 * float(np.median(np.abs(within - np.median(within)))) if within.size else 0.0
    weight = np.maximum(blurred(areas, PATCH_MM, spacing), np.float32(1e-6))
    mean = np.abs(blurred(steps, PATCH_MM, spacing)) / weight
    lost: Floats = areas * (mean <= CLEAR_SDS * noise)
    return lost, float(areas.sum())


def _moved(affine: NDArray[np.float64], box: Box) -> NDArray[np.float64]:
    """The affine of a box of a grid."""
    moved = affine.copy()
    moved[:3, 3] = to_lps(affine, np.array([cut.start for cut in box]))
    return moved


def _place(affine: NDArray[np.float64], index: NDArray[np.floating]) -> Place:
    x, y, z = (float(n) for n in to_lps(affine, index))
    return x, y, z
