"""Pictures, charts, and the report (HTML and PDF) made of one content.

`Shape` and `Scene` are what a 3D picture shows, `render` and `comparison_picture` draw them;
`slice_picture` draws an image with outlines; `timeline` and `beliefs` are charts; the `…_section`
functions turn the case's nouns into a `Report`, which `write_report` puts on disk.
"""

from organtwin.reporting.charts import beliefs, timeline
from organtwin.reporting.content import (
    BANNER,
    Cell,
    Note,
    Picture,
    Report,
    Section,
    Table,
    Text,
    Warnings,
)
from organtwin.reporting.imaged import labels_section
from organtwin.reporting.images import pixels, png_bytes, write_png
from organtwin.reporting.numbers import formatted
from organtwin.reporting.pictures import render
from organtwin.reporting.scene import Scene, Shape, probes_of
from organtwin.reporting.sections import (
    comparison_section,
    decisions_section,
    growth_section,
    journal_section,
    mesh_section,
)
from organtwin.reporting.side_by_side import comparison_picture
from organtwin.reporting.slices import slice_picture
from organtwin.reporting.writing import write_report

__all__ = [
    "BANNER",
    "Cell",
    "Note",
    "Picture",
    "Report",
    "Scene",
    "Section",
    "Shape",
    "Table",
    "Text",
    "Warnings",
    "beliefs",
    "comparison_picture",
    "comparison_section",
    "decisions_section",
    "formatted",
    "growth_section",
    "journal_section",
    "labels_section",
    "mesh_section",
    "pixels",
    "png_bytes",
    "probes_of",
    "render",
    "slice_picture",
    "timeline",
    "write_png",
    "write_report",
]
