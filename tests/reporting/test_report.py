"""The report: the same content as HTML and PDF, safe, marked, every number with its origin."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from organtwin.core.case import Work
from organtwin.core.errors import Stopped
from organtwin.core.journal import Done, JournalEntry
from organtwin.core.observation import Observation
from organtwin.core.organmesh import MeshQuality
from organtwin.core.parameter import Belief, Ensemble, Prior
from organtwin.core.scenario import Action, Comparison, Decision, Outcome, Quantity, Scenario
from organtwin.core.twin import Score
from organtwin.core.volume import GeometryReport
from organtwin.core.watch import Watch
from organtwin.reporting import (
    BANNER,
    Picture,
    Report,
    Section,
    Table,
    Text,
    Warnings,
    comparison_section,
    decisions_section,
    growth_section,
    journal_section,
    labels_section,
    mesh_section,
    png_bytes,
    write_report,
)
from organtwin.reporting.fonts import escape, register_fonts
from organtwin.reporting.html import html_page
from organtwin.reporting.pdf import pdf_bytes
from tests.phantoms import LIVER, ball, painted

PATIENT = "Zoë <script>alert('x')</script> Müller-Ångström 山田"
MARGIN = Quantity(
    "minimal margin", "tumour-1", 9.8, "mm", 8.1, 11.5, 0.9, "smallest distance", ("ab" * 32,)
)
PART = Quantity("removed part", "tumour-1", 0.0, "%", basis="not removed", inputs=("cd" * 32,))


def comparison() -> Comparison:
    cut = Scenario("cut", 90.0, (Action("resect", 90.0, {"point_mm": (1.0, -2.0, 3.0)}),))
    wait = Scenario("wait", 90.0, (Action("wait", 90.0),))
    return Comparison(
        90.0, (Outcome(cut, (MARGIN,), ("mind the <vein> & more",)), Outcome(wait, (PART,)))
    )


def sections() -> tuple[Section, ...]:
    picture = Picture(png_bytes(np.full((40, 90, 3), 200, np.uint8)), "A picture", 0.5)
    labels = painted({LIVER: ball((0, 0, 0), 20)}, half_mm=(24, 24, 24))
    samples = np.random.default_rng(5).lognormal(-3, 0.5, size=(30, 1))
    ensemble = Ensemble(("proliferation_per_day",), ("1/day",), samples)
    prior = Prior("proliferation_per_day", "1/day", "lognormal", 0.05, 0.5, "a paper")
    score = Score("ee" * 32, "tumour-1", 0.0, 45.0, 9.3, 10.0, 5.0, 9.0, 0.9, 7.5, False, 1.1)
    entry = JournalEntry(
        1, "2026-11-22T19:00:00Z", "Dr. Ångström", 0, "aa" * 32, Done("import"), "0" * 64, "f" * 64
    )
    return (
        labels_section(
            labels,
            labels_id="11" * 32,
            geometry=GeometryReport((2, 2, 2), "LPS"),
            pictures=[picture, picture],
        ),
        mesh_section(MeshQuality(100, 400, 6.5, 0.02, 7.9, (("liver", 0.003),)), mesh_id="22" * 32),
        growth_section(
            observations=[("33" * 32, Observation("tumour-1", 45.0, 9.3, 0.08, "a guess"))],
            beliefs=[("44" * 32, Belief("tumour-1", 0.0, ensemble, priors=(prior,)))],
            scores=[("55" * 32, score)],
        ),
        comparison_section(comparison(), pictures=[picture]),
        decisions_section([Decision("cut", "Dr. Ångström", "patient's wish")]),
        journal_section([entry]),
    )


REPORT = Report(
    "Liver", PATIENT, "2026-11-22 19:30 UTC", (("Visits", "4"),), sections(), (("numpy", "2"),)
)
PAGE = html_page(REPORT)


def test_that_research_use_is_said_on_top_of_the_page() -> None:
    body = PAGE[PAGE.index("<body>") :]
    assert BANNER == "FOR RESEARCH USE ONLY — not a medical device"
    assert body.index(BANNER) < body.index("<h1>")


def test_that_research_use_is_the_head_that_print_repeats_on_every_page() -> None:
    printed = PAGE[PAGE.index("@media print") : PAGE.index("</style>")]
    assert re.search(r"\.banner \{ display: table-header-group", printed)
    assert '<div class="frame">\n<div class="banner"' in PAGE


def test_that_what_people_typed_cannot_become_markup() -> None:
    assert "<script>" not in PAGE
    assert "&lt;script&gt;alert(&#39;x&#39;)" in PAGE
    assert "mind the &lt;vein&gt; &amp; more" in PAGE


def test_that_the_page_needs_nothing_beside_it() -> None:
    assert not re.findall(r'(?:src|href)="(?!data:|#)', PAGE)
    assert "url(" not in PAGE


def test_that_pictures_lie_in_the_page() -> None:
    assert PAGE.count('src="data:image/png;base64,') == 3


def test_that_every_number_leads_to_a_note_that_is_there() -> None:
    cited = set(re.findall(r'href="#n(\d+)"', PAGE))
    assert cited == set(re.findall(r'<li id="n(\d+)"', PAGE))
    assert len(cited) == len(REPORT.notes())


def test_that_a_note_names_basis_and_short_ids() -> None:
    assert "smallest distance [from abababab]" in PAGE


def test_that_a_quantity_stands_with_unit_and_interval() -> None:
    plain = PAGE.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "9.8 mm (90 %: 8.1 to 11.5)" in plain


def test_that_a_tumour_left_in_place_is_said_to_be_so() -> None:
    assert "not removed<sup>" in PAGE


def test_that_a_missed_interval_is_not_hidden() -> None:
    assert "OUTSIDE" in PAGE


def test_that_no_decision_is_said_too() -> None:
    (block,) = decisions_section([]).blocks
    assert isinstance(block, Text)
    assert "No decision" in block.paragraphs[0]


def test_that_the_same_note_is_numbered_once() -> None:
    assert len(set(REPORT.notes())) == len(REPORT.notes())


def test_that_every_table_s_columns_fill_the_page() -> None:
    tables = [b for s in REPORT.sections for b in s.blocks if isinstance(b, Table)]
    assert all(sum(table.widths) == pytest.approx(1.0) for table in tables)
    assert all(len(row) == len(table.head) for table in tables for row in table.rows)


def test_that_the_pdf_is_one() -> None:
    document = pdf_bytes(REPORT)
    assert document.startswith(b"%PDF-")
    assert document.rstrip().endswith(b"%%EOF")


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext is not installed")
def test_that_every_page_of_the_pdf_is_marked_and_numbered(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf_bytes(REPORT))
    read = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True)
    pages = read.stdout.decode().split("\f")[:-1]
    assert len(pages) > 1
    for number, page in enumerate(pages, start=1):
        assert BANNER in page
        assert f"{number}/{len(pages)}" in page.replace(" ", "")
        assert "Müller-Ångström" in page


def test_that_a_sign_no_font_has_is_written_as_its_code_point() -> None:
    register_fonts()
    assert escape("a\u0e01<") == "a[U+0E01]&lt;"


def test_that_japanese_gets_a_font_that_has_it() -> None:
    register_fonts()
    assert escape("山") == '<font name="HeiseiMin-W3">山</font>'


def test_that_both_files_are_written_whole_and_nothing_beside_them(tmp_path: Path) -> None:
    page, document = write_report(REPORT, tmp_path, Watch())
    assert page.read_text("utf-8") == PAGE
    assert document.read_bytes().startswith(b"%PDF-")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "report.pdf"]


def test_that_a_stopped_report_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        write_report(REPORT, tmp_path, Watch(asked_to_stop=lambda: True))
    assert not list(tmp_path.iterdir())


def test_that_a_folder_with_spaces_and_signs_is_no_trouble(tmp_path: Path) -> None:
    folder = tmp_path / "Bericht über Zoë"
    folder.mkdir()
    assert all(path.is_file() for path in write_report(REPORT, folder, Watch()))


def test_that_a_point_is_written_with_letters() -> None:
    assert "point_mm L 1.0 A 2.0 S 3.0 mm" in PAGE


def test_that_frame_and_half_axes_are_explained() -> None:
    assert "the zone&#39;s diameters are twice that" in PAGE
    assert "Organs outside the liver are not checked." in PAGE


def test_that_a_withheld_geometry_shows_no_volume_and_says_why() -> None:
    labels = painted({LIVER: ball((0, 0, 0), 20)}, half_mm=(24, 24, 24))
    report = GeometryReport((2, 2, 2), "LPS", grade="withheld", findings=("a slice is missing",))
    blocks = labels_section(labels, labels_id="11" * 32, geometry=report).blocks
    (table,) = (b for b in blocks if isinstance(b, Table))
    (warned,) = (b for b in blocks if isinstance(b, Warnings))
    assert [row[2].text for row in table.rows] == ["withheld"]
    assert warned.lines == ("a slice is missing",)


def test_that_diameters_and_doubts_of_volumes_stand_with_the_structures() -> None:
    labels = painted({LIVER: ball((0, 0, 0), 20)}, half_mm=(24, 24, 24))
    lengths = [Quantity(n, "liver", v, "mm", basis="b") for n, v in (("long", 40.1), ("short", 39))]
    blocks = labels_section(
        labels,
        labels_id="11" * 32,
        geometry=GeometryReport((2, 2, 2), "LPS"),
        lengths={"liver": lengths},
        notes=[("liver", "two volumes differ")],
        work=[Work("liver", "reviewed", "A. B.")],
    ).blocks
    (table,) = (b for b in blocks if isinstance(b, Table))
    (warned,) = (b for b in blocks if isinstance(b, Warnings))
    assert table.rows[0][3].text == "40.1 × 39.0\N{NARROW NO-BREAK SPACE}mm"
    assert table.rows[0][4].text == "reviewed by A. B."
    assert warned.lines == ("liver: two volumes differ",)


def test_that_a_tumour_absent_at_baseline_is_marked_new() -> None:
    seen = [("tumour-1", 0.0), ("tumour-1", 90.0), ("tumour-2", 90.0)]
    section = growth_section(
        observations=[("33" * 32, Observation(name, day, 5.0, 0.08, "")) for name, day in seen],
        beliefs=[],
        scores=[],
    )
    (table,) = section.blocks
    assert isinstance(table, Table)
    names = [row[0].text for row in table.rows]
    assert names == ["tumour-1", "tumour-1", "tumour-2: NEW since baseline, not forecast"]
