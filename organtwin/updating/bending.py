"""Smooth deformations of one image onto another: B-splines, coarse to fine, as displacements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import Stopped
from organtwin.core.volume import to_lps
from organtwin.core.watch import Watch

CONTINUED_MM: Final = 12.0


@dataclass(frozen=True)
class Fineness:
    """How finely a visit is registered.

    Args:
        spacing_mm: of the isotropic grid the images are compared on.
        control_mm: distance of the B-spline's control points, coarse to fine.
        iterations: of each of them.
        share: of the voxels compared at each iteration.
        around_mm: how far beyond the organ images are compared.
        off_tumours_mm: how far around tumours they are not: growth must not be undone.
        margin_mm: how far the displacement grid reaches beyond the organ.
        seed: of the voxels chosen.
    """

    spacing_mm: float = 3.0
    control_mm: tuple[float, ...] = (80.0, 50.0)
    iterations: tuple[int, ...] = (15, 20)
    share: float = 0.12
    around_mm: float = 8.0
    off_tumours_mm: float = 6.0
    margin_mm: float = 20.0
    seed: int = 1


@dataclass(frozen=True)
class Compared:
    """Two images, and where they are compared.

    Args:
        fixed, moving: SimpleITK images, LPS mm; a point of the first lies somewhere in the second.
        fixed_mask, moving_mask: 1 where they are compared, on the grid of either image.
    """

    fixed: sitk.Image
    moving: sitk.Image
    fixed_mask: sitk.Image
    moving_mask: sitk.Image


def bend(
    pair: Compared,
    start: sitk.CompositeTransform,
    *,
    fineness: Fineness,
    level: int,
    watch: Watch,
) -> sitk.BSplineTransform:
    """Return one level of B-splines, to be applied before the transform found so far.

    They maximise the correlation of the images by L-BFGS-B (SimpleITK); raises Stopped.
    """
    sizes = np.array(pair.fixed.GetSize()) * fineness.spacing_mm
    cells = [max(2, int(np.ceil(s / fineness.control_mm[level]))) for s in sizes]
    bend = sitk.BSplineTransformInitializer(pair.fixed, cells, order=3)
    rounds = fineness.iterations[level]
    method = method_of(fineness)
    method.SetMetricAsCorrelation()
    method.SetMetricFixedMask(pair.fixed_mask)
    method.SetMetricMovingMask(pair.moving_mask)
    method.SetMovingInitialTransform(start)
    method.SetInitialTransform(bend, inPlace=True)
    method.SetOptimizerAsLBFGSB(
        gradientConvergenceTolerance=1e-7,
        numberOfIterations=rounds,
        maximumNumberOfFunctionEvaluations=2 * rounds,
        costFunctionConvergenceFactor=1e7,
    )
    message = f"deformation {level + 1} of {len(fineness.control_mm)}"

    def told() -> None:
        if watch.asked_to_stop():
            method.StopRegistration()
        else:
            watch.tell(method.GetOptimizerIteration() / rounds, message)

    method.AddCommand(sitk.sitkIterationEvent, told)
    method.Execute(pair.fixed, pair.moving)
    if watch.asked_to_stop():
        raise Stopped("stopped on request", where="registration")
    return bend


def bent(
    pair: Compared, rigid: sitk.Transform, fineness: Fineness, watch: Watch
) -> sitk.CompositeTransform:
    """Return a rigid motion followed by the deformation of every level, coarse to fine."""
    whole = sitk.CompositeTransform([rigid])
    count = len(fineness.control_mm)
    for level in range(count):
        step = watch.part(level / count, (level + 1) / count)
        found = bend(pair, whole, fineness=fineness, level=level, watch=step)
        whole.AddTransform(as_field(found, pair.fixed))
    return whole


def as_field(bend: sitk.Transform, grid: sitk.Image) -> sitk.DisplacementFieldTransform:
    """Return a transform as displacements on a grid: no B-spline can start from a B-spline."""
    return sitk.DisplacementFieldTransform(field(bend, grid))


def field(transform: sitk.Transform, grid: sitk.Image) -> sitk.Image:
    """Return what a transform does at each voxel of a grid, LPS mm."""
    return sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat64,
        grid.GetSize(),
        grid.GetOrigin(),
        grid.GetSpacing(),
        grid.GetDirection(),
    )


def method_of(fineness: Fineness) -> sitk.ImageRegistrationMethod:
    """Return a registration that compares a share of the voxels, chosen at random but fixed."""
    method = sitk.ImageRegistrationMethod()
    method.SetInterpolator(sitk.sitkLinear)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(fineness.share, fineness.seed)
    return method


def beyond_rigid(
    rigid: sitk.Euler3DTransform,
    whole: sitk.CompositeTransform,
    distance: sitk.Image,
    fineness: Fineness,
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float64]]:
    """Return rigid motion, displacements and their grid, as a `Registration` has them.

    Args:
        distance: to the organ in mm, negative inside; on the grid of the displacements.
    """
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(rigid.GetMatrix(), (3, 3))
    matrix[:3, 3] = rigid.TransformPoint((0.0, 0.0, 0.0))
    affine = np.diag([*distance.GetSpacing(), 1.0])
    affine[:3, 3] = distance.GetOrigin()
    moved = np.transpose(sitk.GetArrayFromImage(field(whole, distance)), (2, 1, 0, 3))
    index = np.stack(np.meshgrid(*map(np.arange, moved.shape[:3]), indexing="ij"), -1)
    points = to_lps(affine, index)
    rest = np.asfortranarray(points + moved - to_lps(matrix, points), dtype=np.float32)
    return matrix, _continued(rest, distance, fineness), affine


def _continued(
    moved: NDArray[np.float32], distance_mm: sitk.Image, fineness: Fineness
) -> NDArray[np.float32]:
    """Displacements as found in the organ, beyond its border what is found nearest, smoothed.

    Splines are free where nothing is compared; there nothing of them is kept.
    """
    distance = sitk.GetArrayFromImage(distance_mm).T
    nearest = ndimage.distance_transform_edt(
        distance > 0.5 * fineness.around_mm, return_distances=False, return_indices=True
    )
    away = np.clip(distance / fineness.around_mm, 0.0, 1.0)
    passage = away**2 * (3.0 - 2.0 * away)
    result = np.empty_like(moved)
    for axis in range(3):
        own = moved[..., axis]
        beyond = own[tuple(nearest)]
        beyond = ndimage.gaussian_filter(beyond, CONTINUED_MM / fineness.spacing_mm, mode="nearest")
        result[..., axis] = (1.0 - passage) * own + passage * beyond
    return result
