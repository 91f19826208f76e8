"""Labels followed into a later image that has none: where the labelled structures lie there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument, EmptyLabel, MisplacedLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.registration import Registration
from organtwin.core.volume import Volume, to_index, to_lps
from organtwin.core.watch import Watch
from organtwin.updating.agreeing import border_residual_mm, likeness
from organtwin.updating.bending import Compared, Fineness, bent, beyond_rigid
from organtwin.updating.finding import COARSE_MM, CONTEXT_MM, find, refined
from organtwin.updating.grids import (
    averaged_on,
    corners_of,
    everywhere,
    extent_of,
    grid_around,
    image_of,
    mask_on,
)
from organtwin.updating.mapping import jacobians, to_visit
from organtwin.updating.side import grown, within

FINENESS: Final = Fineness(control_mm=(80.0, 40.0), iterations=(12, 25), share=0.08, around_mm=10.0)
"""Finer than for visits with labels at both ends: veins are carried too."""
LEAST_LIKENESS: Final = 0.8
MOST_RESIDUAL_MM: Final = 2.5
LEAST_JACOBIAN: Final = 0.1
"""Unsourced. Looked at: visits of the sample patient, one cut through the liver, and three pairs of
brain MR of one patient each have at least 0.88 and at most 1.7 mm; six pairs of different patients
at most 0.82, and the four CT among them at least 3.0 mm."""
LEAST_INSIDE: Final = 0.5
EDGE_MM: Final = 12.0
"""How far from the later image's edge structures are compared: farther than they bend."""
SWING_MM: Final = 15.0
"""How far beyond the rigid motion the later image is looked at."""
Window = tuple[float, float]


@dataclass(frozen=True)
class Followed:
    """Where labels lie in a later image, and how well that is known.

    Args:
        registration: from the labelled image to the later one; its `residual_mm` is how far the
            structures' border lies off along its normal, where it shows (mean).
        likeness: correlation of the images in and around the structures, tumours left out.
        inside: part of what is labelled that lies in the later image.
    """

    registration: Registration
    likeness: float
    inside: float


@dataclass(frozen=True)
class _Start:
    """The labelled image: which voxels are drawn, and which are a tumour's."""

    image: sitk.Image
    drawn: sitk.Image
    tumours: sitk.Image
    corners_mm: NDArray[np.float64]
    window: Window


def follow(
    earlier: Volume,
    labels: LabelMap,
    later: Volume,
    *,
    watch: Watch,
    fineness: Fineness = FINENESS,
) -> Followed:
    """Return where what is labelled in one image lies in another, from the images alone.

    Every shift over the later image is tried on a coarse grid (`finding`), the best are refined to
    rigid motions; then cubic B-splines (Rueckert et al. 1999, 10.1109/42.796284), coarse to fine,
    that maximise the correlation of the images in and just around all structures with tumours left
    out. Correlation takes out another contrast phase's brightness and scale. Tumours may have
    changed: they are carried as they were, moved with what surrounds them.

    Args:
        labels: on the grid of `earlier`.

    Raises:
        BadArgument: images of different modality, or the map folds.
        EmptyLabel: nothing is labelled.
        MisplacedLabel: the structures are not to be found in the later image.
        Stopped: asked to.
    """
    _check_alike(earlier, labels, later)
    watch.tell(0.0, "resampling")
    windows = _windows(earlier, labels, later)
    start = _start(earlier, labels, windows[0])
    second = image_of(later.voxels, later.affine)
    rigid = _placed(start, second, later, window=windows[1], watch=watch.part(0.0, 0.3))
    fixed = grid_around(start.corners_mm, fineness.margin_mm, fineness.spacing_mm)
    distance, near = _near(start, fixed, fineness)
    moving = _swung(fixed, rigid, fineness)
    pair = Compared(
        averaged_on(start.image, fixed, start.window),
        averaged_on(second, moving, windows[1]),
        near,
        mask_on(everywhere(second), moving),
    )
    watch.tell(0.3, "rigid motion of the organ")
    rigid = refined(pair, rigid).rigid
    pair = _shown(pair, rigid)
    whole = bent(pair, rigid, fineness, watch.part(0.35, 0.95))
    watch.tell(0.96, "checking")
    warped = sitk.Resample(pair.moving, pair.fixed, whole, sitk.sitkLinear, windows[1][0])
    near = near * sitk.Resample(pair.moving_mask, fixed, whole, sitk.sitkNearestNeighbor, 0)
    registration = Registration(
        *beyond_rigid(rigid, whole, distance, fineness),
        f"SimpleITK {sitk.Version.VersionString()}: masked correlation at every shift, rigid, "
        f"B-splines on correlation without tumours; {fineness}",
        border_residual_mm(pair.fixed, warped, distance, near),
    )
    alike = likeness(pair.fixed, warped, near)
    return _checked(Followed(registration, alike, _inside(registration, labels, later)))


def _check_alike(earlier: Volume, labels: LabelMap, later: Volume) -> None:
    if not labels.labels.any():
        raise EmptyLabel("nothing is labelled", where="propagate", advice="segment a visit first")
    if (earlier.modality, earlier.unit) != (later.modality, later.unit):
        raise BadArgument(
            f"labels of {earlier.modality or 'an unknown modality'} in {earlier.unit} are not "
            f"carried to {later.modality or 'an unknown modality'} in {later.unit}",
            where="propagate",
            advice="choose images of one modality",
        )


def _windows(earlier: Volume, labels: LabelMap, later: Volume) -> tuple[Window, Window]:
    """Values that are compared in either image: of HU those in and near the structures."""
    if earlier.unit == "HU":
        low, high = np.percentile(earlier.voxels[labels.labels > 0], [0.1, 99.9])
        window = (float(low - 2.0 * (high - low)), float(high))
        return window, window
    first, second = (np.percentile(v.voxels, [0.5, 99.5]) for v in (earlier, later))
    return (float(first[0]), float(first[1])), (float(second[0]), float(second[1]))


def _start(earlier: Volume, labels: LabelMap, window: Window) -> _Start:
    tumours = np.isin(labels.labels, [s.label for s in labels.of_kind("tumour")])
    return _Start(
        image_of(earlier.voxels, earlier.affine),
        image_of(labels.labels > 0, labels.affine),
        image_of(tumours, labels.affine),
        corners_of(labels.labels > 0, labels.affine),
        window,
    )


def _placed(
    start: _Start, second: sitk.Image, later: Volume, *, window: Window, watch: Watch
) -> sitk.Euler3DTransform:
    """Return the rigid motion, found on a coarse grid with what surrounds the structures."""
    around = grid_around(start.corners_mm, CONTEXT_MM, COARSE_MM)
    whole = grid_around(extent_of(later.voxels.shape, later.affine), 0.0, COARSE_MM)
    mask = grown(mask_on(start.drawn, around), CONTEXT_MM) * mask_on(
        everywhere(start.image), around
    )
    pair = Compared(
        averaged_on(start.image, around, start.window),
        averaged_on(second, whole, window),
        mask,
        mask_on(everywhere(second), whole),
    )
    return find(pair, watch).rigid


def _near(start: _Start, grid: sitk.Image, fineness: Fineness) -> tuple[sitk.Image, sitk.Image]:
    """Return distances in mm to what is drawn or near a tumour, and the mask of what is compared.

    Tumours themselves and their surroundings are not: growth must not be undone.
    """
    tumours = grown(mask_on(start.tumours, grid), fineness.off_tumours_mm)
    drawn = sitk.Or(mask_on(start.drawn, grid), tumours)
    distance = sitk.SignedMaurerDistanceMap(drawn, False, False, True)
    known = mask_on(everywhere(start.image), grid)
    return distance, within(distance, fineness.around_mm) * (1 - tumours) * known


def _swung(fixed: sitk.Image, rigid: sitk.Transform, fineness: Fineness) -> sitk.Image:
    """Return the grid of the later image around where the labelled one comes to lie."""
    size, spacing = np.array(fixed.GetSize()), fineness.spacing_mm
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = fixed.GetOrigin()
    ends = extent_of(tuple(int(n) for n in size), affine)
    moved = np.array([rigid.TransformPoint(point) for point in ends.tolist()])
    return grid_around(moved, SWING_MM, spacing)


def _shown(pair: Compared, rigid: sitk.Transform) -> Compared:
    """Return a pair that is compared only where the later image will show it, wherever it bends.

    A set of voxels that changed while it is optimised would draw structures over the image's edge.
    """
    distance = sitk.SignedMaurerDistanceMap(pair.moving_mask, True, False, True)
    deep = sitk.Cast(distance >= EDGE_MM, sitk.sitkUInt8)
    there = sitk.Resample(deep, pair.fixed, rigid, sitk.sitkNearestNeighbor, 0)
    return replace(pair, fixed_mask=pair.fixed_mask * there)


def _inside(registration: Registration, labels: LabelMap, later: Volume) -> float:
    index = np.argwhere(labels.labels)
    points = to_lps(labels.affine, index[:: max(1, len(index) // 20_000)])
    there = to_index(later.affine, to_visit(registration, points))
    lies = (there >= -0.5) & (there <= np.array(later.voxels.shape) - 0.5)
    return float(lies.all(axis=-1).mean())


def _checked(found: Followed) -> Followed:
    """Return it; raises MisplacedLabel or BadArgument where it cannot be relied on."""
    far = found.registration.residual_mm
    advice = "look whether both show the same part of the same patient; else segment the visit"
    if found.likeness < LEAST_LIKENESS or not far <= MOST_RESIDUAL_MM:
        raise MisplacedLabel(
            f"the images do not come together (correlation {found.likeness:.2f}, at least "
            f"{LEAST_LIKENESS:g}; borders {far:.1f} mm apart, at most {MOST_RESIDUAL_MM:g})",
            where="propagate",
            advice=advice,
        )
    if found.inside < LEAST_INSIDE:
        raise MisplacedLabel(
            f"only {found.inside:.0%} of what is labelled lies in the later image",
            where="propagate",
            advice="choose an image that shows it whole",
        )
    least = float(jacobians(found.registration).min())
    if not least > LEAST_JACOBIAN:
        raise BadArgument(
            f"the map folds (least volume change {least:.2f})", where="propagate", advice=advice
        )
    return found
