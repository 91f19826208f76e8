"""Every error OrganTwin raises on purpose, in one tree.

::

    OrganTwinError
    ├── BadInput            what was given cannot be used
    │   ├── NoImages        nothing readable was found
    │   ├── UnreadableFile  a file is not what it says it is
    │   ├── WrongGeometry   slices do not make one volume
    │   ├── EmptyLabel      a structure has no voxels
    │   ├── MisplacedLabel  a structure lies where it cannot
    │   ├── BadMesh         labels that do not make a mesh a solver can trust
    │   ├── BadArgument     a value outside what a step takes
    │   └── WouldReplace    work or a file that nobody asked to replace would be lost
    ├── Missing             a step needs the result of an earlier one
    ├── SolverFailed        a solver ended without an answer
    ├── CaseProblem
    │   ├── CaseLocked      open somewhere else
    │   ├── CaseTooNew      written by a later version
    │   ├── CaseReadOnly    may not be written
    │   ├── CaseDamaged     content does not match its hash
    │   └── DiskFull        nothing was changed
    ├── AuditFailed         an audit package is not what was sealed
    └── Stopped             somebody asked to stop; nothing was changed

They are caught at three doors only: the window, the command line and the solver's main.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=True)
class OrganTwinError(Exception):
    """What went wrong (`what`), where (`where`: file, structure, step), what to do (`advice`)."""

    what: str
    where: str = ""
    advice: str = ""

    def __str__(self) -> str:
        """Return one line: where, what, what to do."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}. {self.advice}" if self.advice else head


class BadInput(OrganTwinError):
    """What was given cannot be used."""


class NoImages(BadInput):
    """Nothing readable was found."""


class UnreadableFile(BadInput):
    """A file is not what it says it is."""


class WrongGeometry(BadInput):
    """Slices that do not make one volume."""


class EmptyLabel(BadInput):
    """A structure without voxels."""


class MisplacedLabel(BadInput):
    """A structure where it cannot be (a tumour outside its organ)."""


class BadMesh(BadInput):
    """Labels that do not make a mesh a solver can trust."""


class BadArgument(BadInput):
    """A value outside what a step takes."""


class WouldReplace(BadInput):
    """Work or a file that nobody asked to replace would be lost."""


class Missing(OrganTwinError):
    """A step needs the result of an earlier one."""


@dataclass(eq=True)
class SolverFailed(OrganTwinError):
    """A solver ended without an answer; `error` is its class name, `log` the end of its log."""

    error: str = "Crash"
    log: str = ""


class CaseProblem(OrganTwinError):
    """A case folder that cannot be used as asked."""


class CaseLocked(CaseProblem):
    """The case is open somewhere else."""


class CaseTooNew(CaseProblem):
    """The case was written by a later version."""


class CaseReadOnly(CaseProblem):
    """The case may not be written."""


class CaseDamaged(CaseProblem):
    """Content that does not match its hash."""


class DiskFull(CaseProblem):
    """There was no room to save; nothing was changed."""


class AuditFailed(OrganTwinError):
    """An audit package is not what was sealed; `where` names the place."""


class Stopped(OrganTwinError):
    """Somebody asked to stop; nothing was changed."""
