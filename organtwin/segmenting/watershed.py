"""Watershed: basins flooded from the seeds meet on the ridges of the image's steepness.

Marker-controlled (Meyer & Beucher 1990) on the gradient's magnitude at a scale of `sigma_mm`: every
voxel goes to the seeds that reach it over the lowest pass. What looks unlike all that a structure's
seeds show, or hangs on it by a neck (`necks`), is none of it, so that nothing has to be marked in
gas and bone. Needs seeds in all that touches a structure and looks like it; quick and exact where
borders are clear, leaks where they are not.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.segmenting import Method, Request
from organtwin.segmenting.appearance import MOST, appearance_of
from organtwin.segmenting.field import field_of
from organtwin.segmenting.frame import Floats, Spacing
from organtwin.segmenting.marks import answered, asked, both_sides
from organtwin.segmenting.necks import bulk
from organtwin.segmenting.seeds import BACKGROUND
from solvers.contract import Parameter

UNLIKE = 0.5 * MOST


def segment(request: Request, watch: Watch) -> LabelMap:
    """Label every structure that has seeds; labels so far of other names stay.

    Raises:
        BadArgument: no seeds in a structure or around it, or some outside the image.
        MisplacedLabel: a vessel or tumour lies outside the organ.
    """
    here = asked(request)
    marks = here.marks()
    both_sides(marks)
    field = field_of(here.image, here.frame.spacing_mm, marks)
    watch.tell(0.2, "flooding from the seeds")
    markers = np.zeros(field.image.shape, np.uint16)
    for number, voxels in enumerate(field.marks.values(), start=1):
        markers[tuple(voxels.T)] = number
    relief = steepness(field.image, request.settings["sigma_mm"], field.spacing_mm)
    flooded = sitk.GetArrayFromImage(
        sitk.MorphologicalWatershedFromMarkers(
            sitk.GetImageFromArray(relief), sitk.GetImageFromArray(markers), False, False
        )
    )
    looks, masks = appearance_of(field.image, field.marks), {}
    for number, (name, seeds) in enumerate(field.marks.items(), start=1):
        if name != BACKGROUND:
            watch.tell(0.5 + 0.5 * number / len(field.marks), f"{name}: its border")
            alike = (flooded == number) & (looks.unlike(name) < UNLIKE)
            alike[tuple(seeds.T)] = True
            masks[name] = field.outlined(bulk(alike, seeds, field))
    return answered(here, masks, field.box)


def steepness(image: Floats, sigma_mm: float, spacing_mm: Spacing) -> Floats:
    """Magnitude of the gradient at a Gaussian scale, image units per mm, float32."""
    placed = sitk.GetImageFromArray(image)
    placed.SetSpacing(spacing_mm[::-1])
    found: Floats = sitk.GetArrayFromImage(
        sitk.GradientMagnitudeRecursiveGaussian(placed, max(sigma_mm, 0.1))
    ).astype(np.float32)
    return found


SETTINGS = (
    Parameter(
        "sigma_mm", "mm", 0.5, 10.0, "scale at which steepness is measured",
        "half of the grid's 3 mm: what it resolves", 1.5,
    ),
)  # fmt: skip
METHOD = Method(
    "watershed", "Basins around seeds that meet where the image is steepest", "seeded", segment,
    SETTINGS,
)  # fmt: skip
