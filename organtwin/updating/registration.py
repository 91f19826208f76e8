"""Registration of a visit to the baseline: where each point of the organ lies on that day."""

from __future__ import annotations

from typing import Final

import numpy as np
import SimpleITK as sitk

from organtwin.core.errors import BadArgument, MisplacedLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.registration import Registration
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.updating.bending import Compared, Fineness, bent, beyond_rigid, method_of
from organtwin.updating.mapping import jacobians
from organtwin.updating.side import Side, centre_mm, grown, side_of, within

LEAST_JACOBIAN: Final = 0.1
MOST_RESIDUAL_MM: Final = 8.0
"""Mean distance of the organ's borders beyond which a registration is refused; unsourced."""


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
    near = within(fixed.distance, fineness.around_mm)
    pair = Compared(
        fixed.image,
        moving.image,
        near * (1 - grown(fixed.tumours, fineness.off_tumours_mm)),
        1 - grown(moving.tumours, fineness.off_tumours_mm),
    )
    whole = bent(pair, rigid, fineness, watch.part(0.2, 0.95))
    watch.tell(0.96, "checking")
    return _checked(fixed, moving, rigid, whole, fineness=fineness)


def _rigid(fixed: Side, moving: Side, fineness: Fineness) -> sitk.Euler3DTransform:
    first, second = centre_mm(fixed.organ), centre_mm(moving.organ)
    rigid = sitk.Euler3DTransform()
    rigid.SetCenter(first.tolist())
    rigid.SetTranslation((second - first).tolist())
    method = method_of(fineness)
    method.SetMetricAsMeanSquares()
    method.SetMetricFixedMask(within(fixed.distance, 15.0))
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 0.01, 100)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(rigid, inPlace=True)
    method.Execute(fixed.distance, moving.distance)
    return rigid


def _checked(
    fixed: Side,
    moving: Side,
    rigid: sitk.Euler3DTransform,
    whole: sitk.CompositeTransform,
    *,
    fineness: Fineness,
) -> Registration:
    found = Registration(
        *beyond_rigid(rigid, whole, fixed.distance, fineness),
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


def _border_distance(fixed: Side, moving: Side, whole: sitk.CompositeTransform) -> float:
    """Mean distance in mm of the baseline's border, mapped, to the visit's."""
    moved = sitk.GetArrayFromImage(
        sitk.Resample(moving.distance, fixed.image, whole, sitk.sitkLinear, 30.0)
    )
    border = np.abs(sitk.GetArrayFromImage(fixed.distance)) < fixed.image.GetSpacing()[0]
    own = sitk.GetArrayFromImage(fixed.distance)[border]
    return float(np.mean(np.abs(moved[border] - own)))
