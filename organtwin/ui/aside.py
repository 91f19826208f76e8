"""Questions that change no case, answered in a process of their own.

``python -m organtwin.ui.aside`` reads one JSON object from stdin, {"question", …}, and prints JSON
lines: progress, and last the answer or {"error", "what", "where", "advice"}. No Qt in here.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from organtwin.core.errors import OrganTwinError
from organtwin.core.watch import Watch
from organtwin.ui import mesh_asking
from organtwin.ui.shapes import normals_of

Answer = dict[str, Any]


def look(asked: Mapping[str, Any], watch: Watch) -> Answer:
    """Show what lies at "path" for as long as there are requests on stdin (see `looking`).

    With "remember" the user's index may keep what its headers say.
    """
    from organtwin.ui import looking

    del watch
    remember = bool(asked.get("remember"))
    looking.look(Path(asked["path"]), sys.stdin, _say, remember=remember)
    return {"over": True}


def surfaces(asked: Mapping[str, Any], watch: Watch) -> Answer:
    """Make smooth surfaces of a LabelMap ("objects": folder, "labels": id) into "out" (.npz)."""
    from organtwin.casefolder import ObjectFolder
    from organtwin.meshing import surfaces as smooth_surfaces

    labels = ObjectFolder(Path(asked["objects"])).get(asked["labels"])
    arrays: dict[str, Any] = {}
    for name, surface in smooth_surfaces(labels, watch).items():
        arrays[f"{name}/points"] = surface.points.astype(np.float32)
        arrays[f"{name}/triangles"] = surface.triangles
        arrays[f"{name}/normals"] = normals_of(surface.points, surface.triangles)
    out = Path(asked["out"])
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.stem}-{os.getpid()}.npz")
    np.savez(part, **arrays)
    part.replace(out)
    return {"out": str(out)}


def whole(asked: Mapping[str, Any], watch: Watch) -> Answer:
    """Put the whole of "labels", the id of a Change, into the folder "objects"."""
    from organtwin.casefolder import ObjectFolder

    watch.tell(0.0, "keeping labels")
    objects = ObjectFolder(Path(asked["objects"]))
    return {"whole": objects.put(objects.get(asked["labels"]))}


def methods(asked: Mapping[str, Any], watch: Watch) -> Answer:
    """List the methods of segmentation."""
    from organtwin import segmenting
    from organtwin.segmenting.model_page import whole_pages

    del asked, watch
    found = segmenting.methods(whole=True).values()
    return {
        "refused": [{"name": p.name, "why": e.what.partition(":")[0]} for p, e in whole_pages()[1]],
        "methods": [
            {
                "name": m.name,
                "title": m.title,
                "kind": m.kind,
                "modality": m.modality,
                "settings": [asdict(setting) for setting in m.settings],
            }
            for m in found
        ],
    }


def preview(asked: Mapping[str, Any], watch: Watch) -> Answer:
    """Segment by a seeded "method" for each line of seeds on stdin, writing "out", not the case.

    Asked are the folder "objects", the ids "volume" and "labels", "organ" and "settings". Each line
    is {"seeds"}; parts told are "found" with volumes, "refused" with why, and "idle" after each.
    """
    from organtwin.ui.previews import answer_previews

    answer_previews(asked, sys.stdin, _say, watch)
    return {"over": True}


def positions(asked: Mapping[str, Any], watch: Watch) -> Answer:
    """Deform a "mesh" for each line on stdin, in a solver kept warm (see `deform_asking`)."""
    from organtwin.ui.deform_asking import answer_positions

    answer_positions(asked, sys.stdin, _say, watch)
    return {"over": True}


def quantities(asked: Mapping[str, Any], watch: Watch) -> Answer:
    """Measure the structures of a "visit" of a case ("case"), values from "inset_mm" inside.

    "course" is the sum of diameters of the targets over the visits, or why there is none.
    """
    from organtwin.casefolder import CaseFolder
    from organtwin.pipeline.measuring import as_json, measured_visit
    from organtwin.pipeline.recist import told

    with CaseFolder.open(Path(asked["case"]), write=False) as folder:
        found = measured_visit(
            folder.case, folder, watch, visit=asked["visit"], inset_mm=asked["inset_mm"]
        )
        course = told(folder.case, folder, watch)
    return {"structures": [as_json(one) for one in found], "course": course}


def agreement(asked: Mapping[str, Any], watch: Watch) -> Answer:
    """Hold the second of two "sides" of a case ("case") against the first; a map into "out".

    A side is {"visit", "carried"} or {"file"}.
    """
    from organtwin.casefolder import CaseFolder
    from organtwin.pipeline.agreeing import told

    with CaseFolder.open(Path(asked["case"]), write=False) as folder:
        return told(folder.case, folder, asked["sides"], to=Path(asked["out"]), watch=watch)


def report(asked: Mapping[str, Any], watch: Watch) -> Answer:
    """Write the report of a case ("case": folder) into the folder "to"."""
    from organtwin.casefolder import CaseFolder
    from organtwin.pipeline.handing_out import write_report

    with CaseFolder.open(Path(asked["case"]), write=False) as folder:
        written = write_report(
            folder.case, folder, folder.entries, to=Path(asked["to"]), watch=watch
        )
    return {"written": [str(path) for path in written]}


def export(asked: Mapping[str, Any], watch: Watch) -> Answer:
    """Seal a case ("case") with what lies in its report folder ("report") into the zip "to"."""
    from organtwin.casefolder import CaseFolder
    from organtwin.pipeline.handing_out import export_audit

    folder_of_report = Path(asked["report"])
    files = sorted(folder_of_report.glob("report.*")) if folder_of_report.is_dir() else []
    with CaseFolder.open(Path(asked["case"]), write=False) as folder:
        to = Path(asked["to"])
        root = export_audit(folder.objects, folder.entries, files, to=to, watch=watch)
    return {"root": str(root)}


def formats(asked: Mapping[str, Any], watch: Watch) -> Answer:
    """List the formats a visit can be handed out in, and which tell whose it is."""
    from organtwin.exporting import exports

    del asked, watch
    return {
        "formats": [
            {"name": e.name, "title": e.title, "tells_who": e.tells_who} for e in exports().values()
        ]
    }


def hand_out(asked: Mapping[str, Any], watch: Watch) -> Answer:
    """Write a "visit" of a case ("case") as "what" into "to"; its entry is "done"."""
    from organtwin.casefolder import CaseFolder
    from organtwin.pipeline.exporting import export

    with CaseFolder.open(Path(asked["case"]), write=False) as folder:
        paths, done = export(
            folder.case,
            folder,
            folder.entries,
            what=asked["what"],
            visit=asked["visit"],
            to=Path(asked["to"]),
            deidentify=asked["deidentify"],
            watch=watch,
        )
    return {"written": [path.name for path in paths], "done": asdict(done)}


def verify(asked: Mapping[str, Any], watch: Watch) -> Answer:
    """Verify the audit package "path"."""
    from organtwin.reporting.audit_check import verify_audit

    figures = asdict(verify_audit(Path(asked["path"]), watch))
    figures.pop("steps", None)
    return {"said": ", ".join(f"{name} {str(value)[:20]}" for name, value in figures.items())}


QUESTIONS: Final[Mapping[str, Callable[[Mapping[str, Any], Watch], Answer]]] = {
    "look": look,
    "surfaces": surfaces,
    "whole": whole,
    "methods": methods,
    "mesh_formats": mesh_asking.formats,
    "export_mesh": mesh_asking.export,
    "preview": preview,
    "positions": positions,
    "quantities": quantities,
    "agreement": agreement,
    "report": report,
    "export": export,
    "formats": formats,
    "hand_out": hand_out,
    "verify": verify,
}


def main() -> int:
    """Answer the question on stdin; returns 0 when it could."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        asked = json.loads(sys.stdin.readline())
        watch = Watch(lambda fraction, message: _say(progress=fraction, message=message))
        _say(**QUESTIONS[asked["question"]](asked, watch))
    except OrganTwinError as error:
        _say(error=type(error).__name__, what=error.what, where=error.where, advice=error.advice)
        return 1
    except Exception as error:  # the last door: the window must hear of everything
        traceback.print_exc()
        _say(
            error="Crash",
            what=f"{type(error).__name__}: {error}",
            where=traceback.extract_tb(error.__traceback__)[-1].name,
            advice="nothing was changed; please report this with the details",
        )
        return 1
    return 0


def _say(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
