"""The main job without a window: the whole river on one patient, everything written to a folder."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from organtwin import numbers, tables
from organtwin.casefolder import CaseFolder
from organtwin.core.case import Case
from organtwin.core.errors import BadInput, Missing, WouldReplace
from organtwin.printing import Printer
from organtwin.recording import step
from organtwin.tables import Table

SAMPLE = Path(__file__).parents[1] / "sample_dicom" / "images"
MARK = "made-by-organtwin-demo"
TILTED_LEFT = (0.5, 0.8660254, 0.0)
"""Down, in LPS, for a patient tilted 30° to the left on the table."""

Request = tuple[str, dict[str, Any]]


MEMBERS = 48
"""Samples of each belief: enough for a 90 % interval whose ends two samples lie beyond."""


def river(case: Callable[[], Case], images: Path, *, members: int = MEMBERS) -> Iterator[Request]:
    """Yield every step of the main job as (name, arguments), reading the Case as it grows.

    The last visit is registered and scored and never updates the belief: it judges the final
    forecast.
    """
    yield "import", {"path": str(images.absolute())}
    yield "segment", {"visit": 0}
    yield "mesh", {}
    yield "believe", {"members": members}
    last = len(case().visits) - 1
    for visit in range(1, last + 1):
        yield "segment", {"visit": visit}
        yield "register", {"visit": visit}
        yield "score", {"visit": visit}
        if visit < last or last == 1:
            yield "update", {"visit": visit}
    yield "deform", {"down": TILTED_LEFT}
    yield "plan", {}
    yield "compare", {}


def run_demo(
    to: Path, images: Path | None, members: int, printer: Printer, *, replace: bool = False
) -> None:
    """Run every step and write case, report, pictures, numbers and audit package into `to`.

    Raises:
        Missing: the images are not there.
        BadInput: `to` holds something that a demo did not write.
        WouldReplace: it holds an earlier demo, and `replace` does not say that it may go.
    """
    source = images or SAMPLE
    if not source.is_dir():
        raise Missing(f"there are no images in {source}", advice="give a folder with --images")
    _make_room(to, replace=replace)
    seconds: dict[str, float] = {}
    patient = "Sample patient" if images is None else source.name
    with CaseFolder.create(to / "case", Case(patient)) as folder:
        for name, arguments in river(lambda: folder.case, source, members=members):
            seconds[name] = seconds.get(name, 0.0) + step(folder, name, arguments, printer)
        start = time.perf_counter()
        written = _write(folder, to, printer)
        seconds["report, audit"] = time.perf_counter() - start
        _say(folder, printer, seconds, written)


def _make_room(to: Path, *, replace: bool) -> None:
    """Empty the folder of an earlier demo where that is asked for; never touch anything else."""
    if to.exists() and any(to.iterdir()):
        if not (to / MARK).is_file():
            raise BadInput(
                "this folder holds other files", where=str(to), advice="choose another with --to"
            )
        if not replace:
            raise WouldReplace(
                "an earlier demo lies there", where=str(to), advice="ask for --replace"
            )
        shutil.rmtree(to)
    to.mkdir(parents=True, exist_ok=True)
    (to / MARK).write_text(
        "This folder is emptied by the next demo that is asked to --replace it.\n"
    )


def _write(folder: CaseFolder, to: Path, printer: Printer) -> list[Path]:
    from organtwin.pipeline.handing_out import export_audit, write_report

    with printer.progress("report") as watch:
        written = list(write_report(folder.case, folder, folder.entries, to=to, watch=watch))
    (to / "outcomes.json").write_text(_json(numbers.outcomes(folder.case, folder)))
    (to / "forecasts.json").write_text(_json(numbers.forecasts(folder.case, folder)))
    with printer.progress("audit") as watch:
        export_audit(folder.objects, folder.entries, written, to=to / "audit.zip", watch=watch)
    return [*written, to / "outcomes.json", to / "forecasts.json", to / "audit.zip"]


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _say(
    folder: CaseFolder, printer: Printer, seconds: dict[str, float], written: list[Path]
) -> None:
    case = folder.case
    for made in (tables.structures, tables.mesh, tables.beliefs, tables.scores):
        printer.table(made(case, folder))
    printer.table(tables.side_by_side(case, folder))
    last = [s for s in map(folder.get, case.scores) if s.day == case.visits[-1].day]
    final = [s for s in last if s.made_on_day == max(one.made_on_day for one in last)]
    covered = sum(score.covered for score in final)
    rows = [("final forecasts inside their 90 % interval", f"{covered} of {len(final)}")]
    rows += [
        (f"volume error of the forecast of day {s.made_on_day:g}, {s.structure}",
         f"{s.error_percent:+.1f} %")
        for s in final
    ]  # fmt: skip
    printer.table(Table("Held-back visit", ("what", "value"), tuple(rows)))
    total = ("all", round(sum(seconds.values()), 1))
    times = tuple((name, round(value, 1)) for name, value in seconds.items())
    printer.table(Table("Time", ("step", "seconds"), (*times, total)))
    printer.table(Table("Written", ("file",), tuple((str(path),) for path in written)))
