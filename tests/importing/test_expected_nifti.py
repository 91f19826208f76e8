"""Every NIfTI file of `../shared/data` is what two other readers read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.core.volume import Volume, to_lps
from organtwin.importing import (
    label_source,
    read_masks,
    read_volume,
    scan,
)
from organtwin.importing.formats import Mask
from organtwin.importing.geometry import orientation_of
from tests.importing.facts import (
    DATA,
    EXPECTED,
    PLACE_MM,
    WATCH,
    Check,
    about,
    compare,
    elsewhere,
    near,
    same,
)
from tests.importing.test_expected_contours import check_organ


@lru_cache(maxsize=8)
def nifti(path: Path) -> Volume:
    (series,) = scan(path, WATCH).series
    return read_volume(series, WATCH)


@lru_cache(maxsize=8)
def labelled(path: Path, volume: Volume) -> tuple[Mask, ...]:
    """Return the structures of a file of labels, in order of value, on an image's grid."""
    return read_masks(label_source(path), volume, WATCH)


def box_of(mask: np.ndarray) -> list[int]:
    """Return first index and size along i, j, k."""
    where = np.argwhere(mask)
    low, high = where.min(axis=0), where.max(axis=0)
    return [*low.tolist(), *(high - low + 1).tolist()]


def check_nifti_samples(of: tuple[np.ndarray, np.ndarray], fact: list[dict[str, Any]]) -> None:
    voxels, affine = of
    for known in fact:
        assert np.abs(to_lps(affine, known["ijk"]) - known["lps"]).max() <= PLACE_MM
        about(float(voxels[tuple(known["ijk"])]), known["value"])


GRID: dict[str, Check] = {
    "size_ijk": same(lambda of: list(of[0].shape)),
    "spacing": near(lambda of: np.linalg.norm(of[1][:3, :3], axis=0), 1e-5),
    "origin_lps": near(lambda of: of[1][:3, 3], PLACE_MM),
    "direction_lps": near(lambda of: of[1][:3, :3] / np.linalg.norm(of[1][:3, :3], axis=0), 1e-5),
    "axes_ijk_lps": same(lambda of: list(orientation_of(of[1]))),
    "min": near(lambda of: of[0].min()),
    "max": near(lambda of: of[0].max()),
    "mean": near(lambda of: of[0].mean(dtype=np.float64), 1.1e-4),
    "sample_voxels": check_nifti_samples,
}
LABEL: dict[str, Check] = {
    "name": elsewhere,
    "voxels": same(lambda of: int(np.count_nonzero(of[0]))),
    "volume_mL": near(lambda of: _ml(*of), 6e-4),
    "volume_mL_simpleitk": near(lambda of: _ml(*of), 6e-4),
    "centroid_lps": near(lambda of: to_lps(of[1], np.argwhere(of[0])).mean(axis=0), PLACE_MM),
    "bbox_ijk": same(lambda of: box_of(of[0])),
}


def _ml(mask: np.ndarray, affine: np.ndarray) -> float:
    return float(np.count_nonzero(mask) * abs(np.linalg.det(affine[:3, :3])) / 1000)


TOTAL = DATA / "totalseg-abdomen-3mm"
TOTAL_KNOWN = EXPECTED.get(TOTAL.name, {})


@pytest.mark.parametrize("name", TOTAL_KNOWN.get("images", {}))
def test_that_nifti_is_turned_from_ras_to_lps(name: str) -> None:
    volume = nifti(TOTAL / name)
    compare((volume.voxels, volume.affine), TOTAL_KNOWN["images"][name], GRID)


LABEL_FILES = {
    "labels_total_v2_fast.nii.gz": "example_ct.nii.gz",
    "labels_mr.nii.gz": "example_mr_sm.nii.gz",
}


def total_masks(name: str) -> dict[int, Mask]:
    """Return label value → structure of one of the label files."""
    values = sorted(map(int, TOTAL_KNOWN["labels"][name]))
    masks = labelled(TOTAL / name, nifti(TOTAL / LABEL_FILES[name]))
    return dict(zip(values, masks, strict=True))


@pytest.mark.parametrize("name", TOTAL_KNOWN.get("labels", {}))
def test_that_nifti_labels_are_what_they_should_be(name: str) -> None:
    volume = nifti(TOTAL / LABEL_FILES[name])
    for value, mask in total_masks(name).items():
        known = TOTAL_KNOWN["labels"][name][str(value)]
        compare((mask.voxels, volume.affine), known, LABEL)
        about(mask.source_ml, known["volume_mL"], 6e-4)
        if known["name"]:
            assert mask.name == known["name"]


@pytest.mark.parametrize("name", TOTAL_KNOWN.get("organs_v1", {}))
def test_that_a_nifti_mask_is_what_it_should_be(name: str) -> None:
    volume = nifti(TOTAL / "example_ct.nii.gz")
    (mask,) = labelled(TOTAL / "organs_v1" / f"{name}.nii.gz", volume)
    compare((mask.voxels, volume.affine), TOTAL_KNOWN["organs_v1"][name], LABEL)


@pytest.mark.parametrize("name", TOTAL_KNOWN.get("organ_voxels", {}))
def test_that_an_organ_holds_the_values_it_should(name: str) -> None:
    masks = {m.name: m for m in total_masks("labels_total_v2_fast.nii.gz").values()}
    known = TOTAL_KNOWN["organ_voxels"][name]
    check_organ(nifti(TOTAL / "example_ct.nii.gz"), masks[name].voxels, known, within=6e-4)


@dataclass(frozen=True)
class Exam:
    """T1 and tumour mask of one exam of one patient."""

    patient: str
    when: str

    @property
    def image(self) -> Volume:
        return nifti(DATA / "btp-longitudinal-a" / self.patient / f"{self.when}_Scan_T1.nii.gz")

    @property
    def mask(self) -> np.ndarray:
        path = DATA / "btp-longitudinal-a" / self.patient / f"{self.when}_Mask.nii.gz"
        (mask,) = labelled(path, self.image)
        return mask.voxels


def check_image(exam: Exam, fact: Mapping[str, Any]) -> None:
    """Placed as the header says, which lost the geometry (geometry_warning), and so withheld."""
    compare((exam.image.voxels, exam.image.affine), fact, GRID)
    assert exam.image.geometry.grade == "withheld"
    assert "the header says nothing of where and how large" in exam.image.geometry.findings[0]


def _slices(mask: np.ndarray) -> list[int]:
    k = np.flatnonzero(mask.any(axis=(0, 1)))
    return [int(k[0]), int(k[-1])]


def _brain(exam: Exam) -> np.ndarray:
    return exam.image.voxels[exam.image.voxels > 0]


EXAM: dict[str, Check] = {
    "image": check_image,
    "mask_voxels": same(lambda e: int(e.mask.sum())),
    "mask_slices": same(lambda e: _slices(e.mask)),
    "mask_centroid_ijk": near(lambda e: np.argwhere(e.mask).mean(axis=0), 6e-3),
    "mean_in_mask": near(lambda e: e.image.voxels[e.mask].mean(dtype=np.float64), 6e-3),
    "mean_in_brain_nonzero": near(lambda e: _brain(e).mean(dtype=np.float64), 6e-3),
}


def _ratio(patient: str) -> float:
    return float(Exam(patient, "Post").mask.sum() / Exam(patient, "Pre").mask.sum())


def _dice(patient: str) -> float:
    a, b = Exam(patient, "Pre").mask, Exam(patient, "Post").mask
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


PATIENT: dict[str, Check] = {
    "Pre": lambda patient, fact: compare(Exam(patient, "Pre"), fact, EXAM),
    "Post": lambda patient, fact: compare(Exam(patient, "Post"), fact, EXAM),
    "post_over_pre_voxels": near(_ratio),
    "dice_pre_post": near(_dice),
}


@pytest.mark.parametrize("patient", EXPECTED.get("btp-longitudinal-a", {}).get("patients", {}))
def test_that_both_exams_of_a_patient_are_read(patient: str) -> None:
    compare(patient, EXPECTED["btp-longitudinal-a"]["patients"][patient], PATIENT)
