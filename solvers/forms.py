"""Forms compiled once for all meshes and values, where they are kept, and how they meet a mesh.

A form is written on a mesh that has no cells yet (`Words`): its compiled code is kept on disk by
its content and in this process by its author, and meets a mesh, its regions and its numbers only
in `bound`. Nothing is compiled for a new mesh or a new value.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.elements import Element

COMPILER_FLAGS = ["-O2", "-g0"]


class Words:
    """What a form is written with: symbols of the unknowns and of a coefficient's place.

    Attributes:
        domain: UFL mesh of straight tetrahedra.
        u, p: unknown displacement (mm) and pressure (kPa; None for an element without).
        v, q: test functions; du, dp: increments.
        here: the displacement again, constant to derivatives: what costs much may be expanded
            about it (`solvers.laws.expanded`).
        x: position at rest, mm.
    """

    def __init__(self, element: Element) -> None:
        """Make the symbols of one element."""
        import basix.ufl
        import ufl

        self.element = element
        self.domain = ufl.Mesh(basix.ufl.element("Lagrange", "tetrahedron", 1, shape=(3,)))
        moved = ufl.FunctionSpace(
            self.domain, basix.ufl.element("Lagrange", "tetrahedron", element.degree, shape=(3,))
        )
        self.u, self.v, self.du = _unknown(moved)
        self.here = ufl.Coefficient(moved)
        self.p: Any = None
        self.q: Any = None
        self.dp: Any = None
        if element.pressure:
            linear = ufl.FunctionSpace(self.domain, basix.ufl.element("Lagrange", "tetrahedron", 1))
            self.p, self.q, self.dp = _unknown(linear)
        self.x = ufl.SpatialCoordinate(self.domain)

    @property
    def unknowns(self) -> tuple[Any, ...]:
        """(u, p) or (u,)."""
        return (self.u,) if self.p is None else (self.u, self.p)

    def cellwise(self, shape: tuple[int, ...] = ()) -> Any:
        """Return a coefficient with one value per cell (a vector or tensor with a `shape`)."""
        return self._coefficient("DG", 0, shape)

    def nodewise(self, shape: tuple[int, ...] = ()) -> Any:
        """Return a coefficient that is linear in each cell, with values at the nodes."""
        return self._coefficient("Lagrange", 1, shape)

    def with_displacement(self, shape: tuple[int, ...] = ()) -> Any:
        """Return a coefficient with values at every node of the displacement."""
        return self._coefficient("Lagrange", self.element.degree, shape)

    def per_cell(self, shape: tuple[int, ...] = ()) -> Any:
        """Return a test function that is constant in each cell (a vector with a `shape`)."""
        import basix.ufl
        import ufl

        constant = basix.ufl.element("DG", "tetrahedron", 0, shape=shape or None)
        return ufl.TestFunction(ufl.FunctionSpace(self.domain, constant))

    def constant(self, shape: tuple[int, ...] = ()) -> Any:
        """Return a number (or vector) that is the same everywhere."""
        import ufl

        return ufl.Constant(self.domain, shape=shape)

    def cells(self, degree: int | None = None) -> Any:
        """Return the measure of the cells a form is bound to, with the element's quadrature."""
        return self._measure("dx", degree or self.element.quadrature_degree)

    def faces(self, degree: int | None = None) -> Any:
        """Return the measure of the faces a form is bound to."""
        return self._measure("ds", degree or max(2, self.element.quadrature_degree))

    def faces_at_nodes(self) -> Any:
        """Return the measure of the faces summed over the displacement's nodes on them.

        Weights: thirds at the corners; with nodes amid the edges a quarter there, the rest at the
        corners, so that none is left out.
        """
        corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
        points, weights = corners, [1.0 / 3.0] * 3
        if self.element.degree == 2:
            points = [*corners, [0.5, 0.5], [0.0, 0.5], [0.5, 0.0]]
            weights = [1.0 / 12.0] * 3 + [0.25] * 3
        return self._measured(
            "ds",
            {
                "quadrature_rule": "custom",
                "quadrature_points": np.array(points),
                "quadrature_weights": 0.5 * np.array(weights),
            },
        )

    def _measure(self, kind: str, degree: int) -> Any:
        return self._measured(kind, {"quadrature_degree": degree})

    def _measured(self, kind: str, rule: dict[str, Any]) -> Any:
        import ufl

        return ufl.Measure(kind, self.domain, subdomain_id=1, metadata=rule)

    def _coefficient(self, family: str, degree: int, shape: tuple[int, ...]) -> Any:
        import basix.ufl
        import ufl

        made = basix.ufl.element(family, "tetrahedron", degree, shape=shape or None)
        return ufl.Coefficient(ufl.FunctionSpace(self.domain, made))


def _unknown(space: Any) -> tuple[Any, Any, Any]:
    import ufl

    return ufl.Coefficient(space), ufl.TestFunction(space), ufl.TrialFunction(space)


@dataclass(frozen=True, eq=False)
class Compiled:
    """One compiled form: `ready` of DOLFINx, and on what it integrates."""

    ready: Any
    on_faces: bool

    def bound(
        self, spaces: list[Any], entities: NDArray[np.int32], given: Mapping[Any, Any]
    ) -> Any:
        """Return the DOLFINx form on a mesh.

        Args:
            spaces: function space of each argument.
            entities: (k,) owned cells, or (k, 2) owned cells with their local facets.
            given: UFL coefficient or constant → DOLFINx function or constant.
        """
        import ufl
        from dolfinx import fem

        mesh = spaces[0].mesh if spaces else next(iter(given.values())).function_space.mesh
        kind = fem.IntegralType.exterior_facet if self.on_faces else fem.IntegralType.cell
        coefficients = {k: f for k, f in given.items() if isinstance(k, ufl.Coefficient)}
        constants = {k: c for k, c in given.items() if isinstance(k, ufl.Constant)}
        places = np.ascontiguousarray(entities.ravel(), dtype=np.int32)
        return fem.create_form(
            self.ready, spaces, mesh, {kind: [(1, places)]}, coefficients, constants
        )


def compiled(form: Any) -> Compiled:
    """Return UFL `form`, written with `Words`, compiled; from the cache where it is there."""
    from dolfinx import fem
    from mpi4py import MPI

    options = {
        "cache_dir": cache_folder(),
        "timeout": 600,
        "cffi_extra_compile_args": COMPILER_FLAGS,
    }
    with _among_others():
        ready = fem.compile_form(MPI.COMM_SELF, form, jit_options=options)
    kinds = {integral.integral_type() for integral in form.integrals()}
    return Compiled(ready, on_faces=kinds == {"exterior_facet"})


def cache_folder() -> Path:
    """Return the folder of compiled forms: ORGANTWIN_FORMS, else ``solvers/compiled/cache``."""
    named = os.environ.get("ORGANTWIN_FORMS")
    return Path(named) if named else Path(__file__).parent / "compiled" / "cache"


@contextmanager
def _among_others() -> Iterator[None]:
    """Hold the cache's lock, shared by all that compile.

    Who is alone first clears what a killed compilation left, which would be waited for.
    """
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            for source in folder.glob("libffcx_*.c"):
                if not source.with_suffix(".c.cached").exists():
                    source.unlink()
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield
