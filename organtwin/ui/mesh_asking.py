"""What the mesh page asks of a process of its own; see `aside`. No Qt in here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from organtwin.core.watch import Watch


def formats(asked: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """List the formats of meshes by the ending of their files."""
    from organtwin.exporting.meshes import mesh_files

    del asked, watch
    found = mesh_files().values()
    return {"formats": [{"ending": f.name, "title": f.title, "note": f.note} for f in found]}


def export(asked: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """Write the mesh of a case ("case") into the file "to", whose ending says the format.

    With "cut", both parts of the case's cut instead, each into a file beside "to".
    """
    from organtwin.casefolder import CaseFolder
    from organtwin.exporting.meshes import Tagged, mesh_file, write_mesh

    to = Path(asked["to"])
    note = mesh_file(to).note
    watch.tell(0.1, "writing the mesh")
    with CaseFolder.open(Path(asked["case"]), write=False) as folder:
        if asked.get("cut"):
            cut = folder.get(folder.case.require("cut", "organtwin cut"))
            parts = {
                to.with_name(f"{to.stem}-{name}{to.suffix}"): Tagged(part, cut=faces)
                for name, (part, faces) in cut.parts.items()
            }
        else:
            parts = {to: Tagged(folder.get(folder.case.require("mesh", "organtwin mesh")))}
    written = [path for place, tagged in parts.items() for path in write_mesh(place, tagged)]
    return {"written": [path.name for path in written], "note": note}
