"""A series that is clearly not of the trunk is told by its names, then by BodyPartExamined."""

from collections.abc import Callable
from pathlib import Path

import pytest

from organtwin.core.watch import Watch
from organtwin.importing import part_of, scan

Write = Callable[..., list[Path]]


@pytest.mark.parametrize(
    ("series", "study", "examined", "part"),
    [
        ("Routine Brain", "", None, "head"),
        ("AX FLAIR", "Schädel MRT", "ABDOMEN", "head"),
        ("5.0", "", "HEAD", "head"),
        ("5.0", "", "LSPINE", "spine"),
        ("Leber 3.0", "", "HEAD", ""),
        ("Neck Thorax Abdomen", "", "NECK", ""),
        ("5.0", "", "CHEST", ""),
        ("5.0", "", None, ""),
    ],
)
def test_that_the_part_of_the_body_is_told_where_it_is_clear(
    write: Write, tmp_path: Path, series: str, study: str, examined: str | None, part: str
) -> None:
    said = {"SeriesDescription": series, "StudyDescription": study, "BodyPartExamined": examined}
    write([0.0, 3.0, 6.0], **said)
    (found,) = scan(tmp_path / "dicom", Watch()).series
    assert part_of(found)[0] == part
