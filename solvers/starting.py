"""Sets a process up for DOLFINx, before it is imported the first time."""

from __future__ import annotations

import os


def prepare_process() -> None:
    """Set threads and transport where nobody has, and make PETSc's errors Python's."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("UCX_TLS", "self,sm,tcp")
    import dolfinx_solver  # noqa: F401 - orders MPI ahead of the other compiled modules
    from petsc4py import PETSc

    PETSc.Sys.popErrorHandler()
    PETSc.Sys.pushErrorHandler("python")
