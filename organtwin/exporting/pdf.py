"""The report as a DICOM Encapsulated PDF (PS3.3 A.45.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from organtwin.core.watch import Watch
from organtwin.exporting import Export
from organtwin.exporting.encapsulated import document
from organtwin.exporting.header import Kind
from organtwin.exporting.material import Material, Piece

KIND: Final = Kind("1.2.840.10008.5.1.4.1.1.104.1", "DOC", "report", 9107, placed=False)


def pieces(material: Material, watch: Watch) -> Iterator[Piece]:
    """Yield the report; it names the patient as the case does, and dates: burned in."""
    content = material.report(watch)
    made = document(material, KIND, content, mime="application/pdf", title="OrganTwin report")
    made.ConversionType = "WSD"
    made.BurnedInAnnotation = "YES"
    yield Piece("report.dcm", made)


EXPORT: Final = Export("pdf", "Report as PDF in DICOM", pieces, tells_who=True)
