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
from organtwin.core.content import decode, encode
from organtwin.core.errors import BadMesh, OrganTwinError
from organtwin.core.organmesh import OrganMesh
from organtwin.core.simulation import Simulation
from organtwin.core.watch import Watch
from organtwin.meshing.coarser import coarser, interpolation
from organtwin.organs import Organ, organ
from organtwin.pipeline.posing import centroids_mm
from organtwin.simulating.posture import Posture
from organtwin.simulating.uncertain import posture_simulation, stiffness_draws
from organtwin.ui.deform_figures import stretches, told

PREVIEWED: Final = 6000
"""Tetrahedra of a preview's mesh: 0.2 s of one core an answer (benchmarks/deform_window.py)."""
Say = Callable[..., None]
Floats = NDArray[np.float64]


def answer_positions(
    asked: Mapping[str, Any], lines: Iterable[str], say: Say, watch: Watch
) -> None:
    """Answer each line of stdin: {"number", "position"} or {"number", "simulation"}.

    Asked are the folder "objects", the id "mesh", "organ", the file "out" and the file "coarse", in
    which the coarse mesh is kept for another time. Parts told are
    "ready" with the preview's "tetrahedra", "deformed" with "number" and what `deform_figures.told`
    says, once the file "out" (.npz) has displacement_mm (n, 3) and stretch (n,) at the mesh's
    points, "refused" with "what" and "advice", and "idle" after each.
    """
    objects = ObjectFolder(Path(asked["objects"]))
    watch.tell(0.1, "reading the mesh")
    mesh, out = objects.get(asked["mesh"]), Path(asked["out"])
    watch.tell(0.2, "making a coarse mesh for previews")
    with tempfile.TemporaryDirectory(prefix="organtwin-deform-") as folder:
        which = organ(asked["organ"])
        coarse, why = made_coarse(mesh, which, Path(asked["coarse"]))
        previews = Previews(mesh, coarse, which, Path(folder))
        say(part="ready", tetrahedra=len(previews.coarse.tetrahedra), why=why)
        for line in lines:
            said = json.loads(line)
            began = time.perf_counter()
            try:
                if "simulation" in said:
                    found = accurate(objects.get(said["simulation"]), mesh, out)
                else:
                    found = previews.answer(said["position"], out)
            except OrganTwinError as error:
                say(part="refused", number=said["number"], what=error.what, advice=error.advice)
            else:
                took_s = time.perf_counter() - began
                say(part="deformed", number=said["number"], **found, took_s=took_s)
            say(part="idle")


class Previews:
    """Previews of one mesh, on a coarser one; their job folders live in `folder` for a moment."""

    def __init__(self, mesh: OrganMesh, coarse: OrganMesh, which: Organ, folder: Path) -> None:
        self.coarse, self._organ, self._folder = coarse, which, folder
        self._medians = stiffness_draws(which, 0, np.random.default_rng(0))
        same = coarse is mesh
        self._to_mesh = None if same else interpolation(coarse, mesh.points)

    def answer(self, position: Mapping[str, Any], out: Path) -> Mapping[str, Any]:
        """Solve for a position and write its fields; raises as `posture_simulation`."""
        coarse = self.coarse
        try:
            posed = posture_simulation(
                coarse,
                self._organ,
                Posture(**position),
                self._medians,
                folder=self._folder,
                watch=Watch(),
                targets_mm=centroids_mm(coarse),
                preview=True,
            )
        finally:
            for done in self._folder.iterdir():
                shutil.rmtree(done, ignore_errors=True)
        moved = np.asarray(posed.simulation.fields["displacement_mm"][0], np.float64)
        fields = np.column_stack([moved, stretches(coarse, moved)])
        write(fields if self._to_mesh is None else self._to_mesh @ fields, out)
        return told(posed.simulation, coarse)


def made_coarse(mesh: OrganMesh, which: Organ, kept: Path) -> tuple[OrganMesh, str]:
    """Return the mesh of previews, and why it is the whole mesh, "" if it is as it should be."""
    try:
        found: OrganMesh = decode(kept.read_bytes())
    except (OSError, OrganTwinError):
        pass
    else:
        return found, ""
    try:
        made = coarser(mesh, PREVIEWED, joined=_alike(mesh, which))
    except BadMesh as error:
        return mesh, error.what
    if made is not mesh:
        part = kept.with_name(f".{kept.name}-{os.getpid()}")
        part.write_bytes(encode(made))
        part.replace(kept)
    return made, ""


def accurate(simulation: Simulation, mesh: OrganMesh, out: Path) -> Mapping[str, Any]:
    """Write the fields of a simulation of the case, at the medians; return its numbers."""
    moved = np.asarray(simulation.fields["displacement_mm"][0], np.float64)
    write(np.column_stack([moved, stretches(mesh, moved)]), out)
    return told(simulation, mesh)


def write(fields: Floats, out: Path) -> None:
    """Write displacement and stretch (n, 4), whole or not at all."""
    part = out.with_name(f".{out.stem}-{os.getpid()}.npz")
    small = fields.astype(np.float32)
    np.savez(part, displacement_mm=small[:, :3], stretch=small[:, 3])
    part.replace(out)


def _alike(mesh: OrganMesh, which: Organ) -> list[int]:
    """Return the labels of regions of the same tissue as the organ: a preview need not tell."""
    values = which.law_values
    return [s.label for s in mesh.structures[1:] if values.get(s.kind) == values.get("organ")]
