"""Tumours of `../shared/data` lie where two other readers found them, on each grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.core.volume import to_index, to_lps
from organtwin.importing import (
    read_masks,
)
from organtwin.importing.nifti import beginning_of, header_of
from organtwin.importing.planes import frames_of
from tests.importing.facts import (
    DATA,
    EXPECTED,
    PLACE_MM,
    WATCH,
    Check,
    about,
    compare,
    looked_at,
    near,
    same,
    scanned,
    volume_of,
    with_uids,
)
from tests.importing.test_expected_contours import DRAWN, Drawn
from tests.importing.test_expected_files import positions
from tests.importing.test_expected_nifti import GRID, LABEL, labelled


def test_that_the_glioma_is_where_it_should_be() -> None:
    folder = "remind-022-brain-mr"
    known, series = EXPECTED[folder]["tumour"], with_uids(folder)[0]
    volume = volume_of(folder, scanned(folder).series.index(series))
    (source,) = scanned(folder).labels
    (mask,) = read_masks(source, volume, WATCH)
    centre = to_lps(volume.affine, np.argwhere(mask.voxels)).mean(axis=0)
    places = positions(frames_of(looked_at(source.path).elements))
    k = to_index(volume.affine, np.array(places))[:, 2]
    found = {
        "label": mask.name,
        "voxels": np.count_nonzero(mask.voxels),
        "volume_mL": mask.source_ml,
        "centroid_lps": centre,
        "t1_mean_in_tumour": volume.voxels[mask.voxels].mean(),
        "max_out_of_plane_offset_mm": np.abs(k - np.round(k)).max() * volume.spacing_mm[2],
    }
    checks = {key: near(lambda f, k=key: f[k], PLACE_MM) for key in found}
    compare(found, known, checks | {"label": same(lambda f: f["label"])})


SARCOMA = {"CT": "CT", "MR_T1": "MR", "PET": "PT"}
STS = "sts-002/dicom"


@dataclass(frozen=True)
class Tumour:
    """The sarcoma on one of its three grids."""

    key: str

    @property
    def drawn(self) -> Drawn:
        path = DATA / STS / self.key / "mask" / "RS.dcm"
        return Drawn(STS, path, f"GTV_Mass_{self.key}", SARCOMA[self.key])

    @property
    def path(self) -> Path:
        return DATA / "sts-002" / "nifti" / f"{self.key}_mask.nii.gz"

    @property
    def nifti(self) -> np.ndarray:
        (mask,) = labelled(self.path, self.drawn.volume)
        return mask.voxels


def check_dice(tumour: Tumour, fact: float) -> None:
    a, b = tumour.drawn.voxels, tumour.nifti
    about(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)), fact)


def check_nifti_mask(tumour: Tumour, fact: Mapping[str, Any]) -> None:
    header = header_of(beginning_of(looked_at(tumour.path).beginning))
    counted = ("voxels", "volume_mL")
    grid = (np.empty(header.size, np.uint8), header.affine)
    compare(grid, {k: f for k, f in fact.items() if k not in counted}, GRID)
    compare((tumour.nifti, header.affine), {k: fact[k] for k in counted}, LABEL)


TUMOUR: dict[str, Check] = {
    "rtstruct": lambda tumour, fact: [
        compare(tumour.drawn, known, DRAWN) for _, known in fact.items()
    ],
    "nifti_mask": check_nifti_mask,
    "dice_raster_vs_nifti": check_dice,
    "mean_in_tumour": near(lambda t: t.drawn.volume.voxels[t.drawn.voxels].mean(), 6e-4),
    "sd_in_tumour": near(lambda t: t.drawn.volume.voxels[t.drawn.voxels].std(), 6e-4),
}


@pytest.mark.parametrize("key", EXPECTED.get("sts-002", {}).get("tumour", {}))
def test_that_the_sarcoma_is_what_it_should_be_on_each_grid(key: str) -> None:
    compare(Tumour(key), EXPECTED["sts-002"]["tumour"][key], TUMOUR)
