"""Promises: what every mesh shall keep, and what one that does not keep them misses, and where."""

from __future__ import annotations

from organtwin.core.directions import position
from organtwin.core.organmesh import MeshQuality, RegionFigures

LEAST_DEG = 8.0
MOST_FROM_15_PERCENT = 99.9
VOLUME_PERCENT = 1.0
HAUSDORFF_VOXELS = 1.0


def fits(quality: MeshQuality) -> bool:
    """Return whether angles, volumes and distances are as promised, whatever touches or is lost."""
    return not _misfits(quality)


def missed_by(quality: MeshQuality) -> tuple[str, ...]:
    """Return a sentence for each promise of shape, volume, distance and closeness not kept."""
    touching = [
        f"{region.name}: its surface touches itself along edges "
        f"(the first at {position(region.pinch_mm)})"
        for region in quality.regions
        if not region.watertight and not region.voxels_touch
    ]
    return (*_misfits(quality), *touching)


def _misfits(quality: MeshQuality) -> list[str]:
    found = []
    if quality.min_dihedral_deg < LEAST_DEG:
        worst = quality.worst[0]
        found.append(
            f"{worst.structure}: an angle of {worst.min_dihedral_deg:.1f}° at "
            f"{position(worst.place_mm)}, below {LEAST_DEG:.0f}°"
        )
    from_15_percent = quality.from_15_deg_percent
    if from_15_percent is not None and from_15_percent < MOST_FROM_15_PERCENT:
        worst = quality.worst[0]
        found.append(
            f"{100.0 - from_15_percent:.2f} % of the tetrahedra have angles below 15° "
            f"(the smallest in {worst.structure} at {position(worst.place_mm)})"
        )
    for region in quality.regions:
        found += _misfits_of(region)
    return found


def _misfits_of(region: RegionFigures) -> list[str]:
    found = []
    if abs(region.error_percent) > VOLUME_PERCENT:
        found.append(f"{region.name}: its volume is off by {region.error_percent:+.1f} %")
    if region.hausdorff95_voxels > HAUSDORFF_VOXELS:
        found.append(
            f"{region.name}: 5 % of its surface is more than "
            f"{region.hausdorff95_voxels:.1f} voxels off (most at {position(region.farthest_mm)})"
        )
    return found
