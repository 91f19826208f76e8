"""Puts a report on disk: the same content as HTML and as PDF."""

from __future__ import annotations

from pathlib import Path

from organtwin.core.private import whole_file
from organtwin.core.watch import Watch
from organtwin.reporting.content import Report
from organtwin.reporting.html import html_page
from organtwin.reporting.pdf import pdf_bytes


def write_report(report: Report, folder: Path, watch: Watch) -> tuple[Path, Path]:
    """Write ``report.html`` and ``report.pdf`` into an existing folder; returns both paths.

    Each file appears whole or not at all.

    Raises:
        BadInput: the folder cannot be written.
        Stopped: somebody asked to stop; earlier reports are left as they were.
        Missing: the template is not installed.
    """
    watch.tell(0.0, "setting the page")
    page = html_page(report).encode("utf-8")
    watch.tell(0.4, "setting the PDF")
    document = pdf_bytes(report)
    watch.tell(0.9, "writing the report")
    paths = (folder / "report.html", folder / "report.pdf")
    for path, content in zip(paths, (page, document), strict=True):
        with whole_file(path) as file:
            file.write(content)
    watch.tell(1.0, "report written")
    return paths
