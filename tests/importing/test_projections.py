"""Projections through many sections are told from sections, which alone are measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from organtwin.core.watch import Watch
from organtwin.importing import scan

Write = Callable[..., list[Path]]
DERIVED = ["DERIVED", "SECONDARY", "AXIAL"]


@pytest.mark.parametrize(
    "said",
    [
        {"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "MIP"]},
        {"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED", "MIN_IP"]},
        {"ImageType": ["DERIVED", "PRIMARY", "PROJECTION IMAGE", "M_FFE"]},
        {"ImageType": DERIVED, "SeriesDescription": "Thorax MIP 20mm"},
        {"ImageType": DERIVED, "SeriesDescription": "Lung_MinIP"},
        {"ImageType": DERIVED, "SeriesDescription": "Max IP cor"},
        {"VolumeBasedCalculationTechnique": "VOLUME_RENDER"},
    ],
)
def test_that_a_projection_is_withheld(write: Write, tmp_path: Path, said: dict[str, Any]) -> None:
    write([0, 3, 6], **said)
    (series,) = scan(tmp_path / "dicom", Watch()).series
    assert series.refusal is not None
    assert series.geometry.grade == "withheld"
    assert series.geometry.findings[0].startswith("a projection, not sections")


@pytest.mark.parametrize(
    "said",
    [
        {"SeriesDescription": "IP/OP T1 dual echo"},
        {"SeriesDescription": "Abdomen Tip 5.0"},
        {"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"]},
        {"VolumeBasedCalculationTechnique": "MPR"},
        {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "SeriesDescription": "Liver for MIP"},
    ],
)
def test_that_sections_are_not_taken_for_projections(
    write: Write, tmp_path: Path, said: dict[str, Any]
) -> None:
    write([0, 3, 6], **said)
    (series,) = scan(tmp_path / "dicom", Watch()).series
    assert series.refusal is None
