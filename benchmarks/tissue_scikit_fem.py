"""The same organ solved with scikit-fem (BSD, installed on demand) and a sparse direct solver.

Taylor-Hood P2/P1 with the same part of the bulk modulus beside the pressure as ours (`KEPT_BULK`)
or another (0: plain Taylor-Hood, another discretisation of the same equations), weight and
following pressure; plain Newton with the exact tangent, load halved where it does not converge.
The direct solver is PARDISO where `pypardiso` is installed (its author's choice for speed), else
SciPy's SuperLU.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks import tissue_cases as cases
from benchmarks.tissue_cases import Problem
from solvers.tissue import KEPT_BULK

Field = NDArray[np.float64]
TOLERANCE = 1e-6


def solve(problem: Problem, part: float, *, kept: float = KEPT_BULK) -> tuple[Field, float, str]:
    """Return (n, 3) mm of the mesh's nodes, CPU seconds, and the name of the direct solver."""
    model = _Model(problem, kept)
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
    """Bases, boundary and solver of one problem; unknowns: each axis' displacement, pressure.

    The tangent is made once for each point and each pair of axes is a scalar form: a vector element
    would have every pair of its 30 functions form the tangent again.
    """

    def __init__(self, problem: Problem, kept: float) -> None:
        import skfem

        self._begun = time.process_time()
        mesh = skfem.MeshTet(problem.mesh.points_mm.T.copy(), problem.mesh.cells.T.copy())
        self._u = skfem.Basis(mesh, skfem.ElementTetP2(), intorder=3)
        self._p = self._u.with_element(skfem.ElementTetP1())
        facets = _facets(mesh, problem.pressed)
        self._s = skfem.FacetBasis(mesh, skfem.ElementTetP2(), facets=facets, intorder=3)
        shear = np.where(problem.mesh.regions == 2, cases.TUMOUR_KPA, cases.ORGAN_KPA)
        self._shear = np.repeat(shear[:, None], self._u.X.shape[1], axis=1)
        soft = 1.5 * (1 - 2 * cases.POISSON) / (1 + cases.POISSON) / self._shear
        self._kept = kept * self._shear
        self._soft = soft / (1 - self._kept * soft)
        held = np.isin(mesh.facets, problem.fixed).all(axis=0)
        outer = np.zeros(mesh.facets.shape[1], bool)
        outer[mesh.boundary_facets()] = True
        fixed = self._u.get_dofs(facets=np.flatnonzero(held & outer)).all()
        fixed = np.union1d(fixed, self._u.nodal_dofs[0, problem.fixed])
        held_unknowns = (fixed + self._u.N * np.arange(3)[:, None]).ravel()
        self._free = np.setdiff1d(np.arange(self.size), held_unknowns)
        self._nodes = self._u.nodal_dofs[0]
        self.solver_name, self._solve = _direct()

    @property
    def size(self) -> int:
        return int(3 * self._u.N + self._p.N)

    def at_nodes(self, unknowns: Field) -> Field:
        return np.column_stack([unknowns[self._nodes + axis * self._u.N] for axis in range(3)])

    def newton(self, unknowns: Field, part: float) -> Field:
        unknowns = unknowns.copy()
        weight = self._weight(part)
        reference = float(np.linalg.norm(weight[self._free]))
        for _ in range(25):
            matrix, residual = self._assembled(unknowns, part)
            residual = residual - weight
            norm = float(np.linalg.norm(residual[self._free])) / reference
            seconds = time.process_time() - self._begun
            print(f"scikit-fem at {part:.3f}: {norm:.1e}, {seconds:.0f} s CPU", file=sys.stderr)
            if norm <= TOLERANCE:
                return unknowns
            if not norm < 1e4:
                break
            free = matrix[self._free][:, self._free].tocsr()
            unknowns[self._free] -= self._solve(free, residual[self._free])
        raise ArithmeticError("no convergence")

    def _weight(self, part: float) -> Field:
        import skfem

        force = part * 1e-6 * cases.DENSITY_G_PER_ML * cases.GRAVITY_MM_PER_S2
        pull = skfem.LinearForm(lambda v, _: -force * v).assemble(self._u)
        return np.concatenate([pull, np.zeros(2 * self._u.N + self._p.N)])

    def _assembled(self, unknowns: Field, part: float) -> tuple[Any, Field]:
        n, load = self._u.N, part * cases.PRESSURE_KPA
        moved = unknowns[: 3 * n].reshape(3, n)
        p = np.asarray(self._p.interpolate(unknowns[3 * n :]))
        f = np.stack([self._u.interpolate(u).grad for u in moved]) + np.eye(3)[:, :, None, None]
        stress, slope, areas, j = _tissue(f, p, self._shear, self._kept)
        face = np.stack([self._s.interpolate(u).grad for u in moved]) + np.eye(3)[:, :, None, None]
        force, turn = _pushed(face, self._s.normals, load)
        rows = [
            _linear(_along, self._u, stress[a]) + _linear(_times, self._s, force[a])
            for a in range(3)
        ]
        rows.append(_linear(_times, self._p, j - 1 - self._soft * p))
        blocks: list[list[Any]] = [[None] * 4 for _ in range(4)]
        for a in range(3):
            for b in range(a + 1):
                blocks[a][b] = _bilinear(_across, self._u, self._u, slope[a, :, b])
                blocks[b][a] = blocks[a][b].T
            blocks[3][a] = _bilinear(_grown, self._u, self._p, areas[a])
            blocks[a][3] = blocks[3][a].T
        for a in range(3):
            for b in range(3):
                blocks[a][b] = blocks[a][b] + _bilinear(_grown, self._s, self._s, turn[a, b])
        blocks[3][3] = _bilinear(_both, self._p, self._p, -self._soft)
        return sparse.bmat(blocks, format="csr"), np.concatenate(rows)


def _tissue(f: Field, p: Field, shear: Field, kept: Field) -> tuple[Field, Field, Field, Field]:
    """P (3, 3, ...), dP/dF (3, 3, 3, 3, ...), J F⁻ᵀ and J at each point."""
    j = np.linalg.det(np.moveaxis(f, (0, 1), (-2, -1)))
    inverse = np.moveaxis(np.linalg.inv(np.moveaxis(f, (0, 1), (-2, -1))), (-2, -1), (0, 1))
    a, first = np.swapaxes(inverse, 0, 1), np.einsum("ijkl,ijkl->kl", f, f)
    scale = shear * j ** (-2 / 3)
    shape = f - first / 3 * a
    p = p + kept * (j - 1)
    stress = scale * shape + p * j * a
    crossed = np.einsum("inkl,mjkl->ijmnkl", a, a)
    same = np.einsum("im,jn->ijmn", np.eye(3), np.eye(3))[..., None, None]
    slope = same - 2 / 3 * np.einsum("ijkl,mnkl->ijmnkl", shape, a) + first / 3 * crossed
    slope = scale * (slope - 2 / 3 * np.einsum("ijkl,mnkl->ijmnkl", a, f))
    straight = np.einsum("ijkl,mnkl->ijmnkl", a, a)
    slope += p * j * (straight - crossed) + kept * j**2 * straight
    return stress, slope, j * a, j


def _pushed(f: Field, normal: Field, load: float) -> tuple[Field, Field]:
    """What the pressure does (3, ...) to each axis, and its slopes (3, 3, 3, ...)."""
    j = np.linalg.det(np.moveaxis(f, (0, 1), (-2, -1)))
    inverse = np.moveaxis(np.linalg.inv(np.moveaxis(f, (0, 1), (-2, -1))), (-2, -1), (0, 1))
    a = np.swapaxes(inverse, 0, 1)
    turned = np.einsum("ijkl,jkl->ikl", a, normal)
    slope = np.einsum("mnkl,ikl->imnkl", a, turned) - np.einsum("inkl,mkl->imnkl", a, turned)
    return load * j * turned, load * j * slope


def _along(v: Any, w: Any) -> Any:
    return np.einsum("jkl,jkl->kl", w["given"], v.grad)


def _times(v: Any, w: Any) -> Any:
    return w["given"] * v


def _across(u: Any, v: Any, w: Any) -> Any:
    return np.einsum("jnkl,jkl,nkl->kl", w["given"], v.grad, u.grad)


def _grown(u: Any, v: Any, w: Any) -> Any:
    return np.einsum("nkl,nkl->kl", w["given"], u.grad) * v


def _both(u: Any, v: Any, w: Any) -> Any:
    return w["given"] * u * v


def _linear(form: Any, basis: Any, given: Field) -> Field:
    import skfem

    return np.asarray(skfem.LinearForm(form).assemble(basis, given=skfem.DiscreteField(given)))


def _bilinear(form: Any, trial: Any, test: Any, given: Field) -> Any:
    import skfem

    return skfem.BilinearForm(form).assemble(trial, test, given=skfem.DiscreteField(given))


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
