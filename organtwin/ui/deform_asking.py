"""The other side of the page "Deform": an organ under other loads, in a process of its own.

The mesh is read once and made coarser, so that the solver, which is kept warm, answers while
somebody moves a slider. No Qt in here.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.casefolder import ObjectFolder
from organtwin.core.errors import BadMesh, OrganTwinError
from organtwin.core.organmesh import OrganMesh
from organtwin.core.simulation import Simulation
from organtwin.core.watch import Watch
from organtwin.meshing.coarser import coarser, interpolation
from organtwin.organs import Organ, organ
from organtwin.pipeline.planning import positioned
from organtwin.simulating import deformation_simulation
from organtwin.ui.deform_figures import at_points, figures, spread, strains

PREVIEWED: Final = 6000
"""Tetrahedra of a preview's mesh: 0.2 s of one core an answer (benchmarks/deform_window.py)."""
Say = Callable[..., None]
Floats = NDArray[np.float64]


def answer_positions(
    asked: Mapping[str, Any], lines: Iterable[str], say: Say, watch: Watch
) -> None:
    """Answer each line of stdin: {"number", "position"} or {"number", "simulation"}.

    Asked are the folder "objects", the id "mesh", "organ" and the file "out". Parts told are
    "ready" with the preview's "tetrahedra", "deformed" with "number", "figures" and the file "out"
    (.npz: displacement_mm (n, 3) and strain (n,) at the mesh's points), "refused" with "what" and
    "advice", and "idle" after each.
    """
    objects = ObjectFolder(Path(asked["objects"]))
    watch.tell(0.1, "reading the mesh")
    mesh, out = objects.get(asked["mesh"]), Path(asked["out"])
    watch.tell(0.2, "making a coarse mesh for previews")
    with tempfile.TemporaryDirectory(prefix="organtwin-deform-") as folder:
        previews = Previews(mesh, organ(asked["organ"]), Path(folder))
        say(part="ready", tetrahedra=len(previews.coarse.tetrahedra), why=previews.why)
        for line in lines:
            said = json.loads(line)
            began = time.perf_counter()
            try:
                if "simulation" in said:
                    told = accurate(objects.get(said["simulation"]), mesh, out)
                else:
                    told = previews.answer(said["position"], out)
            except OrganTwinError as error:
                say(part="refused", number=said["number"], what=error.what, advice=error.advice)
            else:
                took_s = time.perf_counter() - began
                say(part="deformed", number=said["number"], figures=told, took_s=took_s)
            say(part="idle")


class Previews:
    """Previews of one mesh, on a coarser one; their job folders live in `folder` for a moment."""

    def __init__(self, mesh: OrganMesh, which: Organ, folder: Path) -> None:
        self._organ, self._folder = which, folder
        self.why = ""
        try:
            self.coarse = coarser(mesh, PREVIEWED, joined=_alike(mesh, which))
        except BadMesh as error:
            self.coarse, self.why = mesh, error.what
        self._to_mesh = None
        if self.coarse is not mesh:
            self._to_mesh = interpolation(self.coarse, mesh.points)

    def answer(self, position: Mapping[str, Any], out: Path) -> Mapping[str, Any]:
        """Solve for a position and write its fields; raises as `deformation_simulation`."""
        coarse = self.coarse
        loads = positioned(
            coarse, self._organ.name, down=position["down"], kpa=position["pressure_kpa"]
        )
        try:
            simulation = deformation_simulation(
                coarse, self._organ, loads=loads, folder=self._folder, watch=Watch(), preview=True
            )
        finally:
            for done in self._folder.iterdir():
                shutil.rmtree(done, ignore_errors=True)
        moved = np.asarray(simulation.fields["displacement_mm"][0], np.float64)
        strain = strains(coarse, moved)
        fields = np.column_stack([moved, at_points(coarse, strain)])
        write(fields if self._to_mesh is None else self._to_mesh @ fields, out)
        return spread([figures(coarse, moved, strain)])


def accurate(simulation: Simulation, mesh: OrganMesh, out: Path) -> Mapping[str, Any]:
    """Write the mean fields of a simulation of the case; return its numbers."""
    members = np.asarray(simulation.fields["displacement_mm"], np.float64)
    strained = [strains(mesh, moved) for moved in members]
    write(np.column_stack([members.mean(axis=0), at_points(mesh, np.mean(strained, axis=0))]), out)
    return spread([figures(mesh, m, s) for m, s in zip(members, strained, strict=True)])


def write(fields: Floats, out: Path) -> None:
    """Write displacement and strain (n, 4), whole or not at all."""
    part = out.with_name(f".{out.stem}-{os.getpid()}.npz")
    small = fields.astype(np.float32)
    np.savez(part, displacement_mm=small[:, :3], strain=small[:, 3])
    part.replace(out)


def _alike(mesh: OrganMesh, which: Organ) -> list[int]:
    """Return the labels of regions of the same tissue as the organ: a preview need not tell."""
    values = which.law_values
    return [s.label for s in mesh.structures[1:] if values.get(s.kind) == values.get("organ")]
