"""Geodesic contour: a surface that grows from the seeds and comes to rest on edges.

Geodesic active contours (Caselles, Kimmel & Sapiro 1997, International Journal of Computer Vision
22:61-79) as SimpleITK's level set: the surface moves outward at a speed that falls where the image
is steep, unlike the seeds or a wall (`walls`), is held smooth by its curvature and drawn to the
edges. It starts 5 mm around the seeds of a structure, and what hangs on it by a neck (`necks`) is
none of it; or from what the labels so far hold of it; then it is not blown up, only drawn to edges
nearby. For one structure with clear borders, without seeds in its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.segmenting import Method, Request
from organtwin.segmenting.appearance import appearance_of
from organtwin.segmenting.boundary import signed_mm
from organtwin.segmenting.field import Field, field_of
from organtwin.segmenting.frame import Flags, Floats
from organtwin.segmenting.marks import answered, asked, some_structure
from organtwin.segmenting.morphology import depth_mm
from organtwin.segmenting.necks import bulk
from organtwin.segmenting.seeds import BACKGROUND
from organtwin.segmenting.watershed import steepness
from solvers.contract import Parameter

START_MM = 5.0
SCALE_MM = 1.5
EDGE = 3.0
WALL = 0.5
AT_ONCE = 25
MOST_VOXELS = 400_000
ACCURACY = 0.002


def segment(request: Request, watch: Watch) -> LabelMap:
    """Label every structure that has seeds; labels so far of other names stay.

    Raises:
        BadArgument: no seeds in a structure, or some outside the image.
        EmptyLabel: the surface shrank to nothing.
        MisplacedLabel: a vessel or tumour lies outside the organ.
    """
    here = asked(request)
    marks = here.marks()
    some_structure(marks)
    field = field_of(here.image, here.frame.spacing_mm, marks, most=MOST_VOXELS)
    steep = steepness(field.image, SCALE_MM, field.spacing_mm)
    names = [name for name in marks if name != BACKGROUND]
    masks = {}
    for number, name in enumerate(names):
        part = watch.part(number / len(names), (number + 1) / len(names))
        before = here.so_far(name)
        start = None if before is None else field.block(before)
        masks[name] = field.outlined(
            _rested(field, name, steep, start, settings=request.settings, watch=part)
        )
    return answered(here, masks, field.box)


def _rested(
    field: Field,
    name: str,
    steep: Floats,
    start: Flags | None,
    *,
    settings: Mapping[str, float],
    watch: Watch,
) -> Flags:
    """Let the surface move until it rests, (ni, nj, nk) bool on the field."""
    marks = _flags(field, name)
    own = steep[ndimage.binary_dilation(marks)]
    speed = 1.0 / (1.0 + (steep / np.float32(EDGE * max(float(np.median(own)), 1e-6))) ** 2)
    speed *= np.exp(-appearance_of(field.image, field.marks).unlike(name) - WALL * field.walls)
    others = np.zeros_like(marks)
    for other in (n for n in field.marks if n != name):
        others |= _flags(field, other)
    speed[others] = 0.0
    if start is None:
        start = depth_mm(~marks, field.spacing_mm) <= START_MM
        push = settings["push"]
    else:
        push = 0.0
    level = _image(signed_mm(start, field.spacing_mm), field)
    rounds = int(settings["rounds"])
    mover = sitk.GeodesicActiveContourLevelSetImageFilter()
    mover.SetPropagationScaling(push)
    mover.SetCurvatureScaling(settings["stiffness"])
    mover.SetAdvectionScaling(settings["pull"])
    mover.SetMaximumRMSError(ACCURACY)
    mover.SetNumberOfIterations(AT_ONCE)
    featured = _image(speed.astype(np.float32), field)
    for done in range(0, rounds, AT_ONCE):
        watch.tell(done / rounds, f"{name}: the surface moves")
        level = mover.Execute(level, featured)
        if mover.GetElapsedIterations() < AT_ONCE:
            break
    found: Flags = np.asarray(sitk.GetArrayViewFromImage(level)) <= 0.0
    found = (found & ~others) | marks
    return bulk(found, field.marks[name], field) if push > 0.0 else found


def _flags(field: Field, name: str) -> Flags:
    marked = np.zeros(field.image.shape, bool)
    marked[tuple(field.marks[name].T)] = True
    return marked


def _image(array: Floats, field: Field) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing(field.spacing_mm[::-1])
    return image


SETTINGS = (
    Parameter(
        "push", "1", -5.0, 5.0, "how strongly a start from seeds is blown up (negative: shrunk)",
        "Caselles et al. 1997: 1 beside a pull of 1 passes noise and rests on edges", 1.0,
    ),
    Parameter(
        "stiffness", "1", 0.0, 10.0, "how strongly the surface is kept smooth",
        "Caselles et al. 1997: the curvature's weight is 1", 1.0,
    ),
    Parameter(
        "pull", "1", 0.0, 10.0, "how strongly edges draw the surface",
        "Caselles et al. 1997: the edge's weight is 1", 1.0,
    ),
    Parameter(
        "rounds", "1", 25.0, 5000.0, "steps at most; fewer when the surface rests",
        "a step moves it by less than a voxel; 600 go through a liver", 600.0,
    ),
)  # fmt: skip
METHOD = Method(
    "geodesic-contour", "A surface that rests on edges, from seeds or labels so far", "seeded",
    segment, SETTINGS,
)  # fmt: skip
