"""The report as a PDF of A4 pages, each marked for research use."""

from __future__ import annotations

import io
from typing import Any, Final

from reportlab.lib.colors import HexColor, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    Image,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
    TableStyle,
)
from reportlab.platypus import Table as Grid

from organtwin.reporting import look
from organtwin.reporting.content import BANNER, Cell, Note, Picture, Report, Table, Text, Warnings
from organtwin.reporting.fonts import BOLD, PLAIN, escape, register_fonts
from organtwin.reporting.html import is_group

MARGIN: Final = 15 * mm
WIDTH: Final = A4[0] - 2 * MARGIN
INK, MUTED, LINE = HexColor(look.INK), HexColor(look.MUTED), HexColor(look.LINE)
Numbers = dict[Note, int]


def _style(size: float, **more: Any) -> ParagraphStyle:
    settings: dict[str, Any] = {
        "fontName": PLAIN, "fontSize": size, "leading": size * 1.38, "textColor": INK,
        "splitLongWords": True,
    }  # fmt: skip
    return ParagraphStyle("", **(settings | more))


def pdf_bytes(report: Report) -> bytes:
    """Return the whole report as the bytes of a PDF file."""
    register_fonts()
    numbers = {note: number for number, note in enumerate(report.notes(), start=1)}
    story: list[Flowable] = [*_head(report)]
    for number, section in enumerate(report.sections, start=1):
        story += _section(f"{number}  {section.title}", section.blocks, numbers)
    story += _provenance(report)
    stream = io.BytesIO()
    frame = Frame(MARGIN, 17 * mm, WIDTH, A4[1] - 40 * mm, 0, 0, 0, 0)
    document = BaseDocTemplate(
        stream, pagesize=A4, title=report.title, author="OrganTwin", subject=BANNER,
        pageTemplates=[PageTemplate("page", [frame])],
    )  # fmt: skip
    document.build(story, canvasmaker=lambda *a, **k: _Marked(report, *a, **k))
    return stream.getvalue()


class _Marked(Canvas):  # type: ignore[misc]
    """A canvas that knows how many pages there are before it writes the first one's edges."""

    def __init__(self, report: Report, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._report = report
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        pages = list(self._pages)
        for number, page in enumerate(pages, start=1):
            self.__dict__.update(page)
            self._edges(number, len(pages))
            super().showPage()
        super().save()

    def _edges(self, number: int, count: int) -> None:
        width, height = A4
        self.setFillColor(HexColor(look.BANNER))
        self.rect(0, height - 10 * mm, width, 10 * mm, stroke=0, fill=1)
        self.setFillColor(white)
        self.setFont(BOLD, 8.5)
        self.drawCentredString(width / 2, height - 6.4 * mm, BANNER)
        self.setFillColor(MUTED)
        self.setFont(PLAIN, 7)
        words = escape(f"{self._report.title} · {self._report.patient}"[:110])
        line = Paragraph(words, _style(7, textColor=MUTED))
        line.wrapOn(self, 0.8 * WIDTH, 10 * mm)
        line.drawOn(self, MARGIN, 8 * mm)
        self.drawRightString(width - MARGIN, 9 * mm, f"{number} / {count}")
        self.setStrokeColor(LINE)
        self.line(MARGIN, 13 * mm, width - MARGIN, 13 * mm)


def _head(report: Report) -> list[Flowable]:
    facts = [("Report made", report.created), *report.facts]
    cells = [
        [Paragraph(escape(name).upper(), _style(6.3, textColor=MUTED)),
         Paragraph(f"<b>{escape(value)}</b>", _style(8.6))]
        for name, value in facts
    ]  # fmt: skip
    per_row = 3
    cells += [[Spacer(1, 1)]] * (-len(cells) % per_row)
    rows = [cells[n : n + per_row] for n in range(0, len(cells), per_row)]
    grid = Grid(rows, colWidths=[WIDTH / per_row] * per_row)
    grid.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), HexColor(look.SOFT)),
                ("LINEBEFORE", (0, 0), (0, -1), 3, HexColor(look.ACCENT)),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 9),
            ]
        )
    )
    return [
        Paragraph(f"<b>{escape(report.title)}</b>", _style(19, leading=23)),
        Paragraph(escape(report.patient), _style(11, textColor=MUTED, spaceAfter=9)),
        grid,
    ]


def _section(title: str, blocks: tuple[Any, ...], numbers: Numbers) -> list[Flowable]:
    story: list[Flowable] = []
    row: list[Picture] = []
    for block in blocks:
        if isinstance(block, Picture):
            if row and sum(p.share for p in row) + block.share > 1.01:
                story += _pictures(row)
                row = []
            row.append(block)
            continue
        story += _pictures(row)
        row = []
        if isinstance(block, Text):
            story += [Paragraph(escape(p), _style(9, spaceAfter=5)) for p in block.paragraphs]
        elif isinstance(block, Warnings):
            story.append(_warnings(block))
        elif isinstance(block, Table):
            story += _table(block, numbers)
    story += _pictures(row)
    heading = _heading(title)
    lead = next((n for n, part in enumerate(story) if not isinstance(part, Paragraph)), 0) + 1
    return [KeepTogether([*heading, *story[:lead]]), *story[lead:]]


def _heading(title: str) -> list[Flowable]:
    words = Paragraph(f"<b>{escape(title)}</b>", _style(13, leading=17))
    ruled = Grid([[words]], colWidths=[WIDTH])
    ruled.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 1.2, INK),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ]
        )
    )
    return [Spacer(1, 7 * mm), ruled, Spacer(1, 2.5 * mm)]


def _pictures(pictures: list[Picture]) -> list[Flowable]:
    if not pictures:
        return []
    gap = 3 * mm
    cells = []
    for picture in pictures:
        wide, high = ImageReader(io.BytesIO(picture.png)).getSize()
        width = WIDTH * picture.share - gap
        scale = min(width / wide, 0.72 * A4[1] / high)
        image = Image(io.BytesIO(picture.png), wide * scale, high * scale)
        cells.append([image, Paragraph(escape(picture.caption), _style(7.4, textColor=MUTED))])
    grid = Grid([cells], colWidths=[WIDTH * p.share for p in pictures], hAlign="CENTER")
    grid.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), gap),
            ]
        )
    )
    return [grid, Spacer(1, 2 * mm)]


def _warnings(block: Warnings) -> Flowable:
    lines = [Paragraph(f"<b>{escape(block.title)}</b>", _style(9, textColor=HexColor(look.WARN)))]
    lines += [Paragraph(f"•  {escape(line)}", _style(8.2)) for line in block.lines]
    grid = Grid([[lines]], colWidths=[WIDTH], spaceBefore=4, spaceAfter=6)
    grid.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), HexColor("#fdf5ec")),
                ("LINEBEFORE", (0, 0), (0, -1), 3, HexColor(look.WARN)),
                ("LEFTPADDING", (0, 0), (-1, -1), 9),
                ("TOPPADDING", (0, 0), (-1, -1), 5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
            ]
        )
    )
    return grid


def _table(block: Table, numbers: Numbers) -> list[Flowable]:
    head = [Paragraph(f"<b>{escape(w)}</b>", _style(7.6, textColor=MUTED)) for w in block.head]
    rows = [head, *([_cell(cell, numbers) for cell in row] for row in block.rows)]
    shares = block.widths or tuple(1 / len(block.head) for _ in block.head)
    grid = Grid(
        rows, colWidths=[WIDTH * s for s in shares], repeatRows=1, spaceBefore=3, spaceAfter=8
    )
    marks: list[Any] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 5),
        ("TOPPADDING", (0, 0), (-1, -1), 2.2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.8),
        ("LINEBELOW", (0, 0), (-1, 0), 0.9, INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE),
    ]
    for column, colour in enumerate(block.colours):
        if colour:
            marks.append(("LINEABOVE", (column, 0), (column, 0), 3, HexColor(colour)))
    for number, row in enumerate(block.rows, start=1):
        if is_group(row):
            marks.append(("NOSPLIT", (0, number), (-1, min(number + 1, len(block.rows)))))
            marks.append(("TOPPADDING", (0, number), (-1, number), 7))
            marks.append(("LINEBELOW", (0, number), (-1, number), 0.7, HexColor(look.ACCENT)))
    grid.setStyle(TableStyle(marks))
    if not block.caption:
        return [grid]
    return [Paragraph(f"<b>{escape(block.caption)}</b>", _style(9, spaceBefore=4)), grid]


def _cell(cell: Cell, numbers: Numbers) -> Paragraph:
    words = escape(cell.text)
    if cell.strong:
        words = f"<b>{words}</b>"
    if cell.note is not None:
        words += (
            f'<super size="5.4"><font color="{look.ACCENT}"> {numbers[cell.note]}</font></super>'
        )
    return Paragraph(words, _style(7.3, leading=10.0))


def _provenance(report: Report) -> list[Flowable]:
    small = _style(6.9, textColor=MUTED, leading=9.2, leftIndent=16, firstLineIndent=-16)
    story: list[Flowable] = _heading("Where the numbers come from")
    story += [
        Paragraph(f"{number}.  {escape(note.line())}", small)
        for number, note in enumerate(report.notes(), start=1)
    ]
    versions = " · ".join(f"{name} {version}" for name, version in report.versions)
    story.append(Spacer(1, 4 * mm))
    story.append(Paragraph(escape(f"Made by OrganTwin · {versions}"), _style(6.9, textColor=MUTED)))
    return story
