"""No fact of `../shared/data` is left out."""

from __future__ import annotations

import pytest

from tests.importing.facts import EXPECTED, SETS

WALKED = {
    "cases", "dicom", "images", "labels", "organ_voxels", "organs_v1", "patients",
    "rtstruct_on_full_series_296_slices", "rtstruct_on_this_subset", "tumour",
}  # fmt: skip
REMARKS = {
    "bytes", "dataset", "geometry_warning", "licence", "n_files", "note", "provenance",
    "reference_note", "title", "tools",
}  # fmt: skip
"""Of the set itself: where it comes from, how large it is, who computed the facts."""


@pytest.mark.parametrize("name", SETS)
def test_that_no_part_of_the_facts_is_left_out(name: str) -> None:
    assert set(EXPECTED[name]) <= WALKED | REMARKS
