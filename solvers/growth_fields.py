"""A growth model's numbers where they hold: everywhere, in a region, or cell by cell.

A parameter is one number; ``name@LABEL`` is another one in the region of that label, and an input
array named as the parameter holds one value for each cell (m,), for all members. Diffusion is taken
cell by cell; what reacts at a node has the mean of the node's cells, by volume. Where D is 0 there
is no tumour and nothing crosses the border: a barrier.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.contract import ContractError, Job, Parameter
from solvers.failures import BadInput
from solvers.growth import Growth
from solvers.growth.model import DIFFUSION
from solvers.meshfiles import real_array
from solvers.refinement import Mesh
from solvers.settings import MOST_MEMBERS
from solvers.tetrahedra import volumes_mm3

Reals = NDArray[np.float64]
Arrays = Mapping[str, NDArray[Any]]
Value = float | Reals
TENSOR: Final = "diffusion_tensor"


@dataclass(frozen=True, eq=False)
class Numbers:
    """One member's numbers on a mesh.

    Args:
        nodal: parameter → number, or (n,) at the nodes.
        diffusivity: mm²/day, one number or one for each cell (m,); 0 where the model has none.
    """

    nodal: Mapping[str, Value]
    diffusivity: Value


class Fields:
    """Turns what members say, and arrays of one value a cell, into numbers at cells and nodes."""

    def __init__(self, mesh: Mesh, arrays: Arrays, parameters: Sequence[Parameter]) -> None:
        """Read the arrays that are named as a parameter.

        Args:
            mesh: of the arrays and the job.
            parameters: of the model and of treatments.

        Raises:
            BadInput: an array of another shape, not finite or out of the parameter's bounds.
        """
        self._mesh, self._parameters = mesh, {p.name: p for p in parameters}
        self._given = {
            name: _checked_cells(parameter, real_array(arrays, name, (len(mesh.cells),)))
            for name, parameter in self._parameters.items()
            if name in arrays
        }
        self._labels = set(np.unique(mesh.regions).tolist())

    def members(self, job: Job) -> tuple[Numbers, ...]:
        """Return every member's numbers.

        Raises:
            BadInput: none or too many members, an unknown or missing parameter, out of bounds, a
                region that the mesh has not, or no diffusion anywhere.
        """
        if not 1 <= len(job.members) <= MOST_MEMBERS:
            raise BadInput(f"a job takes 1 to {MOST_MEMBERS} members, not {len(job.members)}")
        found = []
        for number, member in enumerate(job.members):
            try:
                found.append(self.numbers(member))
            except (BadInput, ContractError) as error:
                raise BadInput(f"member {number}: {error}") from error
        return tuple(found)

    def numbers(self, member: Mapping[str, Any]) -> Numbers:
        """Return one member's numbers; raises BadInput."""
        regional = self._regional(member)
        cells = {name: self._cells(name, member, regional) for name in self._parameters}
        diffusivity = cells.get(DIFFUSION.name, 0.0)
        if DIFFUSION.name in cells and not np.any(np.asarray(diffusivity) > 0.0):
            raise BadInput(
                f"{DIFFUSION.name} is 0: nothing would spread; give a positive one, or choose the "
                "growth model logistic"
            )
        opened = None if isinstance(diffusivity, float) else diffusivity > 0.0
        nodal = {name: self._nodal(value, opened) for name, value in cells.items()}
        return Numbers(nodal, diffusivity)

    def _regional(self, member: Mapping[str, Any]) -> dict[str, dict[int, float]]:
        """Parameter → label → what is said of that region alone."""
        found: dict[str, dict[int, float]] = {}
        known = {name for name in self._parameters if "@" not in name}
        keys = set(member) - set(self._parameters)
        strange = sorted(key for key in keys if key.rpartition("@")[0] not in known)
        if strange:
            raise BadInput(f"unknown parameters {', '.join(strange)}")
        for key in sorted(keys):
            name, _, label = key.rpartition("@")
            if not label.isdecimal() or int(label) not in self._labels:
                raise BadInput(f"{key}: the mesh has no region {label}")
            found.setdefault(name, {})[int(label)] = _checked(self._parameters[name], member[key])
        return found

    def _cells(
        self, name: str, member: Mapping[str, Any], regional: Mapping[str, Mapping[int, float]]
    ) -> Value:
        parameter, here = self._parameters[name], regional.get(name, {})
        if name in self._given:
            if name in member or here:
                raise BadInput(f"{name} is given to the member and as an array: leave one out")
            return self._given[name]
        everywhere = member.get(name, parameter.default)
        if everywhere is None and not self._labels <= set(here):
            raise BadInput(f"{name} ({parameter.unit}) is missing")
        value = 0.0 if everywhere is None else _checked(parameter, everywhere)
        if not here:
            return value
        cells = np.full(len(self._mesh.cells), value)
        for label, one in here.items():
            cells[self._mesh.regions == label] = one
        return cells

    def _nodal(self, value: Value, opened: NDArray[np.bool_] | None) -> Value:
        """The mean over each node's open cells; that of all of them where a node has none."""
        if isinstance(value, float):
            return value
        weights, bulk = _weights(self._mesh, opened)
        corners, size = self._mesh.cells.ravel(), len(self._mesh.points_mm)
        total = np.bincount(corners, np.repeat(weights * value, 4), minlength=size)
        mean = float(weights @ value / weights.sum())
        return np.where(bulk > 0.0, total / np.where(bulk > 0.0, bulk, 1.0), mean)


def shared(mesh: Mesh, nodes: Reals, opened: NDArray[np.bool_] | None) -> Reals:
    """Return (m,) slopes by the values of cells from those by their means at the nodes (n,).

    Args:
        mesh: of both.
        nodes: (n,).
        opened: (m,) cells that are no barrier; None: all.
    """
    weights, bulk = _weights(mesh, opened)
    each = np.where(bulk > 0.0, nodes / np.where(bulk > 0.0, bulk, 1.0), 0.0)
    return np.asarray(weights * each[mesh.cells].sum(axis=1))


def _weights(mesh: Mesh, opened: NDArray[np.bool_] | None) -> tuple[Reals, Reals]:
    """(m,) mm³ of open cells, 0 of others, and (n,) their sum about each node."""
    weights = volumes_mm3(mesh.points_mm, mesh.cells)
    weights = weights if opened is None else np.where(opened, weights, 0.0)
    size = len(mesh.points_mm)
    return weights, np.bincount(mesh.cells.ravel(), np.repeat(weights, 4), minlength=size)


def tensor_from(arrays: Arrays, mesh: Mesh) -> Reals | None:
    """Return the (m, 6) tensor xx, yy, zz, xy, xz, yz of each cell, None when not given.

    Raises:
        BadInput: of another shape, not finite, or not positive definite in a cell.
    """
    if TENSOR not in arrays:
        return None
    tensor = real_array(arrays, TENSOR, (len(mesh.cells), 6))
    xx, yy, zz, xy, xz, yz = tensor.T
    plane = xx * yy - xy**2
    volume = zz * plane - xx * yz**2 - yy * xz**2 + 2.0 * xy * xz * yz
    wrong = ~((xx > 0.0) & (plane > 0.0) & (volume > 0.0))  # Sylvester's criterion
    if wrong.any():
        raise BadInput(
            f"{TENSOR}: in {int(wrong.sum())} cells, first {int(wrong.argmax())}, it is not "
            "positive definite; its order is xx, yy, zz, xy, xz, yz"
        )
    return tensor


def start_from(arrays: Arrays, model: Growth, nodes: int) -> Reals | None:
    """Return the input ``density`` as (n,) or (species, n), None when not given.

    Raises:
        BadInput: of another shape, not finite, outside [0, 1], or nowhere above 0.
    """
    if "density" not in arrays:
        return None
    shapes = {1: (nodes,), 2: (len(model.species), nodes)}
    density = real_array(arrays, "density", shapes.get(np.ndim(arrays["density"]), (nodes,)))
    total = np.atleast_2d(density).sum(axis=0)
    if density.min() < 0.0 or total.max() > 1.0 + 1e-9:
        raise BadInput(
            f"density runs from {density.min():.3g} to {total.max():.3g}: it must lie in [0, 1]"
        )
    if not total.any():
        raise BadInput("density is 0 at every node: there is no tumour")
    return density


def _checked(parameter: Parameter, value: Any) -> float:
    """A member's number within bounds; a diffusion of 0 makes a barrier."""
    if isinstance(value, str) or not math.isfinite(value):
        raise BadInput(f"{parameter.name}: {value!r} is not a number")
    if parameter.name == DIFFUSION.name and value == 0.0:
        return 0.0
    return parameter.checked(float(value))


def _checked_cells(parameter: Parameter, values: Reals) -> Reals:
    barrier = values == 0.0 if parameter.name == DIFFUSION.name else np.zeros(len(values), bool)
    wrong = ~barrier & ~((parameter.low <= values) & (values <= parameter.high))
    if wrong.any():
        cell = int(wrong.argmax())
        raise BadInput(
            f"{parameter.name}: cell {cell} has {values[cell]:g} {parameter.unit}, outside "
            f"[{parameter.low}, {parameter.high}]"
        )
    return values
