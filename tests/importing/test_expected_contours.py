"""Every contour of `../shared/data` makes the organ that two other readers made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, generate_binary_structure

from organtwin.core.volume import Volume, to_lps
from organtwin.importing import (
    read_masks,
    rtstruct,
)
from organtwin.importing.formats import Mask
from organtwin.importing.opening import opened
from tests.importing.facts import (
    DATA,
    EXPECTED,
    PLACE_MM,
    ROUNDED_MM,
    WATCH,
    Check,
    compare,
    near,
    same,
    scanned,
    volume_of,
)


@dataclass(frozen=True)
class Drawn:
    """One region of interest: its contours as in the file, and its mask on a series."""

    folder: str
    path: Path
    name: str
    modality: str

    @property
    def number(self) -> int:
        found = scanned(self.folder).series
        return next(n for n, s in enumerate(found) if s.modality == self.modality)

    @property
    def volume(self) -> Volume:
        return volume_of(self.folder, self.number)

    @property
    def mask(self) -> Mask | None:
        return next(
            (m for m in masks_of(self.folder, self.number, self.path) if m.name == self.name), None
        )

    @property
    def voxels(self) -> np.ndarray:
        shape = self.volume.voxels.shape
        return self.mask.voxels if self.mask else np.zeros(shape, dtype=bool)

    def heights(self) -> np.ndarray:
        """Return the height of each contour along the normal of the slices, in mm."""
        said = opened(self.path, rtstruct.DRAWN).elements
        regions = {r.text("ROIName"): r for r in said.items("StructureSetROISequence")}
        number = regions[self.name].integer("ROINumber")
        (drawn,) = [
            c
            for c in said.items("ROIContourSequence")
            if c.integer("ReferencedROINumber") == number
        ]
        normal = self.volume.affine[:3, 2] / self.volume.spacing_mm[2]
        return np.array(
            [
                float((np.reshape(c.floats("ContourData"), (-1, 3)) @ normal).mean())
                for c in drawn.items("ContourSequence")
            ]
        )

    def absent(self) -> int:
        """Count the contours that lie on no slice that is here."""
        low = (
            float(self.volume.affine[:3, 3] @ self.volume.affine[:3, 2]) / self.volume.spacing_mm[2]
        )
        k = (self.heights() - low) / self.volume.spacing_mm[2]
        return int(((k < -0.5) | (k > self.volume.voxels.shape[2] - 0.5)).sum())


@lru_cache(maxsize=1)
def masks_of(folder: str, number: int, path: Path) -> tuple[Mask, ...]:
    source = next(s for s in scanned(folder).labels if s.path == path)
    return read_masks(source, volume_of(folder, number), WATCH)


def here_ml(drawn: Drawn) -> float:
    return int(drawn.voxels.sum()) * drawn.volume.voxel_ml


def check_ml(of: Callable[[Drawn], float], part: float) -> Check:
    return lambda drawn, fact: (
        pytest.approx(fact, rel=part, abs=1e-3) == of(drawn)
        or pytest.fail(f"{of(drawn)} mL, not {fact}")
    )


DRAWN: dict[str, Check] = {
    "n_contours": same(lambda drawn: len(drawn.heights())),
    "n_planes": same(lambda drawn: len(np.unique(drawn.heights().round(2)))),
    "z_range_along_normal": near(lambda d: [d.heights().min(), d.heights().max()], PLACE_MM),
    "contours_outside_available_slices": same(Drawn.absent),
    "voxels_xor": check_ml(lambda drawn: int(drawn.voxels.sum()), 0.005),
    "volume_mL_raster_xor": check_ml(here_ml, 0.005),
    "volume_mL_polygon_area_x_gap": check_ml(here_ml, 0.025),
    "slices_covered": same(lambda drawn: int(drawn.voxels.any(axis=(0, 1)).sum())),
}
"""Areas of polygons leave out what the grid rounds, and add up where contours overlap: 2.5 %."""
WHOLE = {
    **{key: DRAWN[key] for key in ("n_contours", "n_planes", "z_range_along_normal")},
    "volume_mL_raster_xor": check_ml(
        lambda drawn: drawn.mask.source_ml if drawn.mask else 0.0, 0.005
    ),
    "volume_mL_polygon_area_x_gap": check_ml(lambda d: d.mask.source_ml if d.mask else 0.0, 0.025),
}


ROIS = [
    (key, name, one)
    for key in ("rtstruct_on_this_subset", "rtstruct_on_full_series_296_slices")
    for name, one in EXPECTED.get("ccth-a01-abdomen", {}).get(key, {}).items()
]


@pytest.mark.parametrize(("key", "name", "known"), ROIS)
def test_that_contours_make_the_organs_they_should(key: str, name: str, known: Any) -> None:
    folder = "ccth-a01-abdomen"
    drawn = Drawn(folder, DATA / folder / "RTstruct.dcm", name, "CT")
    if key.endswith("subset"):
        compare(drawn, known, DRAWN)
    elif drawn.mask is not None:
        compare(drawn, {k: f for k, f in known.items() if k in WHOLE}, WHOLE)


BALL = generate_binary_structure(3, 2)
"""The facts were eroded twice by it: so the values of all organs of totalseg-abdomen-3mm agree."""


def check_organ(volume: Volume, mask: np.ndarray, known: Any, *, within: float) -> None:
    """Its sample voxel lies in it, where and with the value it should; so do its values."""
    values = volume.voxels[mask].astype(np.float64)
    core = volume.voxels[binary_erosion(mask, BALL, iterations=2, border_value=1)].astype(
        np.float64
    )
    found = {
        "ijk": mask[tuple(known["ijk"])],
        "lps": to_lps(volume.affine, known["ijk"]),
        "value": volume.voxels[tuple(known["ijk"])],
        "mean_in_mask": values.mean(),
        "sd_in_mask": values.std(),
        "mean_in_eroded_mask": core.mean(),
    }
    checks = {key: near(lambda f, k=key: f[k], within) for key in found}
    checks["ijk"] = lambda f, _: f["ijk"] or pytest.fail("the sample voxel is not in the organ")
    checks["lps"] = near(lambda f: f["lps"], PLACE_MM + ROUNDED_MM)
    checks["value"] = near(lambda f: f["value"])
    compare(found, known, checks)


@pytest.mark.parametrize("name", EXPECTED.get("ccth-a01-abdomen", {}).get("organ_voxels", {}))
def test_that_a_contoured_organ_holds_the_values_it_should(name: str) -> None:
    folder = "ccth-a01-abdomen"
    drawn = Drawn(folder, DATA / folder / "RTstruct.dcm", name, "CT")
    known = EXPECTED[folder]["organ_voxels"][name]
    check_organ(drawn.volume, drawn.voxels, known, within=3.5)
