"""Registration of a visit to the baseline: where each point of the organ lies on that day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import BadArgument, MisplacedLabel, Stopped
from organtwin.core.labelmap import LabelMap
from organtwin.core.registration import Registration
from organtwin.core.volume import Volume, to_lps
from organtwin.core.watch import Watch
from organtwin.updating.mapping import jacobians
from organtwin.updating.side import Side, centre_mm, grown, side_of, within

CONTINUED_MM: Final = 12.0
LEAST_JACOBIAN: Final = 0.1
MOST_RESIDUAL_MM: Final = 8.0
"""Mean distance of the organ's borders beyond which a registration is refused; unsourced."""


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


def register(
    baseline: Volume,
    baseline_labels: LabelMap,
    visit: Volume,
    visit_labels: LabelMap,
    *,
    watch: Watch,
    fineness: Fineness | None = None,
) -> Registration:
    """Return where each baseline point lies at a visit.

    First the centres of the organ, then a rigid motion that aligns its distance maps, then cubic
    B-splines (Rueckert et al. 1999, 10.1109/42.796284), coarse to fine, that maximise the
    correlation of the images in and just around the organ with tumours left out, by L-BFGS-B
    (SimpleITK). The correlation takes out another contrast phase's brightness and scale.

    Args:
        baseline_labels, visit_labels: with an organ; on the grids of the volumes.

    Returns:
        Registration whose `residual_mm` is the mean distance between the organ's borders, mm.

    Raises:
        MisplacedLabel: the organ's borders do not come together.
        BadArgument: no organ is labelled, or the map folds (a local volume change below 0.1).
        Stopped: asked to.
    """
    fineness = fineness or Fineness()
    watch.tell(0.0, "resampling")
    fixed = side_of(
        baseline, baseline_labels, spacing_mm=fineness.spacing_mm, margin_mm=fineness.margin_mm
    )
    moving = side_of(
        visit, visit_labels, spacing_mm=fineness.spacing_mm, margin_mm=fineness.margin_mm + 10.0
    )
    watch.tell(0.1, "rigid motion")
    rigid = _rigid(fixed, moving, fineness)
    whole = sitk.CompositeTransform([rigid])
    parts = np.linspace(0.2, 0.95, len(fineness.control_mm) + 1)
    for level in range(len(fineness.control_mm)):
        step = watch.part(float(parts[level]), float(parts[level + 1]))
        bend = _bend(fixed, moving, whole, fineness=fineness, level=level, watch=step)
        whole.AddTransform(_field_of(bend, fixed.image))
    watch.tell(0.96, "checking")
    return _checked(fixed, moving, rigid, whole, fineness=fineness)


def _rigid(fixed: Side, moving: Side, fineness: Fineness) -> sitk.Euler3DTransform:
    first, second = centre_mm(fixed.organ), centre_mm(moving.organ)
    rigid = sitk.Euler3DTransform()
    rigid.SetCenter(first.tolist())
    rigid.SetTranslation((second - first).tolist())
    method = _method(fineness)
    method.SetMetricAsMeanSquares()
    method.SetMetricFixedMask(within(fixed.distance, 15.0))
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 0.01, 100)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(rigid, inPlace=True)
    method.Execute(fixed.distance, moving.distance)
    return rigid


def _bend(
    fixed: Side,
    moving: Side,
    start: sitk.CompositeTransform,
    *,
    fineness: Fineness,
    level: int,
    watch: Watch,
) -> sitk.BSplineTransform:
    """One level of B-splines, applied before the transform found so far."""
    sizes = np.array(fixed.image.GetSize()) * fineness.spacing_mm
    cells = [max(2, int(np.ceil(s / fineness.control_mm[level]))) for s in sizes]
    bend = sitk.BSplineTransformInitializer(fixed.image, cells, order=3)
    rounds = fineness.iterations[level]
    method = _method(fineness)
    method.SetMetricAsCorrelation()
    near = within(fixed.distance, fineness.around_mm)
    method.SetMetricFixedMask(near * (1 - grown(fixed.tumours, fineness.off_tumours_mm)))
    method.SetMetricMovingMask(1 - grown(moving.tumours, fineness.off_tumours_mm))
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
    method.Execute(fixed.image, moving.image)
    if watch.asked_to_stop():
        raise Stopped("stopped on request", where="registration")
    return bend


def _field_of(bend: sitk.Transform, grid: sitk.Image) -> sitk.DisplacementFieldTransform:
    """A transform as displacements on a grid (another B-spline cannot start from a B-spline)."""
    return sitk.DisplacementFieldTransform(_field(bend, grid))


def _field(transform: sitk.Transform, grid: sitk.Image) -> sitk.Image:
    return sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat64,
        grid.GetSize(),
        grid.GetOrigin(),
        grid.GetSpacing(),
        grid.GetDirection(),
    )


def _method(fineness: Fineness) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetInterpolator(sitk.sitkLinear)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(fineness.share, fineness.seed)
    return method


def _checked(
    fixed: Side,
    moving: Side,
    rigid: sitk.Euler3DTransform,
    whole: sitk.CompositeTransform,
    *,
    fineness: Fineness,
) -> Registration:
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(rigid.GetMatrix(), (3, 3))
    matrix[:3, 3] = rigid.TransformPoint((0.0, 0.0, 0.0))
    affine = np.diag([*fixed.image.GetSpacing(), 1.0])
    affine[:3, 3] = fixed.image.GetOrigin()
    found = Registration(
        matrix,
        _continued(_displacement(fixed.image, matrix, affine, whole), fixed, fineness),
        affine,
        f"SimpleITK {sitk.Version.VersionString()}: centres, rigid on distance maps, B-splines "
        f"on correlation without tumours; {fineness}",
        _border_distance(fixed, moving, whole),
    )
    if not found.residual_mm <= MOST_RESIDUAL_MM:
        raise MisplacedLabel(
            f"the organ's borders stay {found.residual_mm:.1f} mm apart",
            where="registration",
            advice="check the organ's label at both visits",
        )
    least = float(jacobians(found).min())
    if not least > LEAST_JACOBIAN:
        raise BadArgument(
            f"the map folds (least volume change {least:.2f})",
            where="registration",
            advice="use larger control_mm, and check the organ's label at both visits",
        )
    return found


def _displacement(
    grid: sitk.Image,
    matrix: NDArray[np.float64],
    affine: NDArray[np.float64],
    whole: sitk.CompositeTransform,
) -> NDArray[np.float32]:
    """(ni, nj, nk, 3) what `whole` does beyond the rigid motion, LPS mm."""
    moved = np.transpose(sitk.GetArrayFromImage(_field(whole, grid)), (2, 1, 0, 3))
    index = np.stack(np.meshgrid(*map(np.arange, moved.shape[:3]), indexing="ij"), -1)
    points = to_lps(affine, index)
    return np.asfortranarray(points + moved - to_lps(matrix, points), dtype=np.float32)


def _continued(moved: NDArray[np.float32], fixed: Side, fineness: Fineness) -> NDArray[np.float32]:
    """Displacements as found in the organ, beyond its border what is found nearest, smoothed.

    Splines are free where nothing is compared; there nothing of them is kept.
    """
    distance = sitk.GetArrayFromImage(fixed.distance).T
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


def _border_distance(fixed: Side, moving: Side, whole: sitk.CompositeTransform) -> float:
    """Mean distance in mm of the baseline's border, mapped, to the visit's."""
    moved = sitk.GetArrayFromImage(
        sitk.Resample(moving.distance, fixed.image, whole, sitk.sitkLinear, 30.0)
    )
    border = np.abs(sitk.GetArrayFromImage(fixed.distance)) < fixed.image.GetSpacing()[0]
    own = sitk.GetArrayFromImage(fixed.distance)[border]
    return float(np.mean(np.abs(moved[border] - own)))
