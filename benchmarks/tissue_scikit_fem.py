"""The same organ solved with scikit-fem (BSD, installed on demand) and a sparse direct solver.

Taylor-Hood P2/P1, the same energy, weight and following pressure; plain Newton with the exact
tangent, load halved where it does not converge. The direct solver is PARDISO where `pypardiso` is
installed (its author's choice for speed), else SciPy's SuperLU.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.tissue_cases import (
    DENSITY_G_PER_ML,
    GRAVITY_MM_PER_S2,
    ORGAN_KPA,
    POISSON,
    PRESSURE_KPA,
    TUMOUR_KPA,
    Problem,
)

Field = NDArray[np.float64]
TOLERANCE = 1e-6


def solve(problem: Problem, part: float) -> tuple[Field, float, str]:
    """Return (n, 3) mm of the mesh's nodes, CPU seconds, and the name of the direct solver."""
    model = _Model(problem)
    begun = time.process_time()
    unknowns = np.zeros(model.size)
    reached, step = 0.0, 1.0
    while reached < 1.0:
        aim = min(1.0, reached + step)
        try:
            unknowns = model.newton(unknowns, aim * part)
            reached = aim
        except ArithmeticError:
            step *= 0.5
            if step < 1.0 / 64.0:
                raise
    name = f"scikit-fem, {model.solver_name}"
    return model.at_nodes(unknowns), time.process_time() - begun, name


class _Model:
    """Bases, boundary and solver of one problem."""

    def __init__(self, problem: Problem) -> None:
        import skfem

        self._begun = time.process_time()
        mesh = skfem.MeshTet(problem.mesh.points_mm.T.copy(), problem.mesh.cells.T.copy())
        self._u = skfem.Basis(mesh, skfem.ElementVector(skfem.ElementTetP2()), intorder=3)
        self._p = self._u.with_element(skfem.ElementTetP1())
        facets = _facets(mesh, problem.pressed)
        self._s = skfem.FacetBasis(
            mesh, skfem.ElementVector(skfem.ElementTetP2()), facets=facets, intorder=3
        )
        shear = np.where(problem.mesh.regions == 2, TUMOUR_KPA, ORGAN_KPA)
        self._shear = np.repeat(shear[:, None], self._u.X.shape[1], axis=1)
        self._soft = 1.5 * (1 - 2 * POISSON) / (1 + POISSON) / self._shear
        held = np.isin(mesh.facets, problem.fixed).all(axis=0)
        outer = np.zeros(mesh.facets.shape[1], bool)
        outer[mesh.boundary_facets()] = True
        fixed = self._u.get_dofs(facets=np.flatnonzero(held & outer)).all()
        corners = self._u.nodal_dofs[:, problem.fixed].ravel()
        self._free = np.setdiff1d(np.arange(self.size), np.union1d(fixed, corners))
        self._nodes = self._u.nodal_dofs
        self.solver_name, self._solve = _direct()

    @property
    def size(self) -> int:
        return int(self._u.N + self._p.N)

    def at_nodes(self, unknowns: Field) -> Field:
        return np.asarray(unknowns[self._nodes].T)

    def newton(self, unknowns: Field, part: float) -> Field:
        unknowns = unknowns.copy()
        reference = 0.0
        for _ in range(25):
            matrix, residual = self._assembled(unknowns, part)
            norm = float(np.linalg.norm(residual[self._free]))
            reference = max(reference, float(np.linalg.norm(self._weight(part)[self._free])))
            seconds = time.process_time() - self._begun
            print(f"scikit-fem at {part:.3f}: {norm:.1e}, {seconds:.0f} s CPU", file=sys.stderr)
            if norm <= TOLERANCE * reference:
                return unknowns
            if not norm < 1e4 * reference:
                break
            free = matrix[self._free][:, self._free].tocsr()
            unknowns[self._free] -= self._solve(free, residual[self._free])
        raise ArithmeticError("no convergence")

    def _weight(self, part: float) -> Field:
        import skfem

        force = part * 1e-6 * DENSITY_G_PER_ML * GRAVITY_MM_PER_S2

        @skfem.LinearForm
        def pull(v: Any, _: Any) -> Any:
            return -force * v[0]

        return np.concatenate([pull.assemble(self._u), np.zeros(self._p.N)])

    def _assembled(self, unknowns: Field, part: float) -> tuple[Any, Field]:
        import skfem

        u, p = unknowns[: self._u.N], unknowns[self._u.N :]
        words = {
            "u": self._u.interpolate(u), "p": self._p.interpolate(p),
            "mu": self._shear, "soft": self._soft,
        }  # fmt: skip
        face = {"u": self._s.interpolate(u), "load": part * PRESSURE_KPA}
        uu = skfem.BilinearForm(_uu).assemble(self._u, **words)
        uu += skfem.BilinearForm(_pushed_slope).assemble(self._s, **face)
        pu = skfem.BilinearForm(_pu).assemble(self._u, self._p, **words)
        pp = skfem.BilinearForm(_pp).assemble(self._p, **words)
        residual = np.concatenate(
            [
                skfem.LinearForm(_ru).assemble(self._u, **words)
                + skfem.LinearForm(_pushed).assemble(self._s, **face),
                skfem.LinearForm(_rp).assemble(self._p, **words),
            ]
        )
        residual -= self._weight(part)
        return sparse.bmat([[uu, pu.T], [pu, pp]], format="csr"), residual


def _words(w: Any) -> tuple[Any, Any, Any, Any]:
    """F, its inverse transposed A, J and I₁."""
    f = w["u"].grad + np.eye(3)[:, :, None, None]
    j = np.linalg.det(np.moveaxis(f, (0, 1), (-2, -1)))
    inverse = np.moveaxis(np.linalg.inv(np.moveaxis(f, (0, 1), (-2, -1))), (-2, -1), (0, 1))
    return f, np.swapaxes(inverse, 0, 1), j, np.einsum("ijkl,ijkl->kl", f, f)


def _dot(a: Any, b: Any) -> Any:
    return np.einsum("ijkl,ijkl->kl", a, b)


def _between(a: Any, df: Any) -> Any:
    """A dFᵀ A."""
    return np.einsum("ijkl,mjkl,mnkl->inkl", a, df, a)


def _ru(v: Any, w: Any) -> Any:
    f, a, j, i1 = _words(w)
    stress = w["mu"] * j ** (-2 / 3) * (f - i1 / 3 * a) + w["p"] * j * a
    return _dot(stress, v.grad)


def _rp(q: Any, w: Any) -> Any:
    _, _, j, _ = _words(w)
    return q * (j - 1 - w["soft"] * w["p"])


def _uu(u: Any, v: Any, w: Any) -> Any:
    f, a, j, i1 = _words(w)
    df = u.grad
    turn, grow = _between(a, df), _dot(a, df)
    slope = -2 / 3 * grow * (f - i1 / 3 * a) + df - 2 / 3 * _dot(f, df) * a + i1 / 3 * turn
    stress = w["mu"] * j ** (-2 / 3) * slope + w["p"] * j * (grow * a - turn)
    return _dot(stress, v.grad)


def _pu(u: Any, q: Any, w: Any) -> Any:
    _, a, j, _ = _words(w)
    return q * j * _dot(a, u.grad)


def _pp(p: Any, q: Any, w: Any) -> Any:
    return -w["soft"] * p * q


def _pushed(v: Any, w: Any) -> Any:
    _, a, j, _ = _words(w)
    return w["load"] * j * np.einsum("ijkl,jkl,ikl->kl", a, w.n, np.asarray(v))


def _pushed_slope(u: Any, v: Any, w: Any) -> Any:
    _, a, j, _ = _words(w)
    df = u.grad
    slope = _dot(a, df) * a - _between(a, df)
    return w["load"] * j * np.einsum("ijkl,jkl,ikl->kl", slope, w.n, np.asarray(v))


def _facets(mesh: Any, triangles: NDArray[np.int32]) -> NDArray[np.int64]:
    wanted = {tuple(t) for t in np.sort(triangles, axis=1).tolist()}
    corners = np.sort(mesh.facets, axis=0).T.tolist()
    return np.array([index for index, own in enumerate(corners) if tuple(own) in wanted])


def _direct() -> tuple[str, Any]:
    try:
        import pypardiso

        return "PARDISO", pypardiso.spsolve
    except ImportError:
        from scipy.sparse.linalg import splu

        return "SuperLU", lambda matrix, right: splu(matrix.tocsc()).solve(right)
