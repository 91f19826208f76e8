"""How long the edges of a mesh shall be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import Structure

VOXELS_PER_SMALLEST = 0.75


@dataclass(frozen=True)
class Sizes:
    """What a mesh shall resolve; the same Sizes and labels give the same mesh, byte for byte.

    Args:
        organ_edge_mm: edges in organs, vessels and other structures, away from anything small.
        tumour_edge_mm: edges on and in tumours.
        vessel_radius_mm: vessels narrower than this radius are joined to the organ (0: none are).
        smallest_edge_mm: edges are never aimed below this, however thin a structure is; 0 is three
            quarters of the shortest side of a voxel, so that single voxels are resolved.
        edges_per_radius: where a structure is thin, its edges are its inner radius over this.
        edges_mm: structure → edges on and in it, before the edges by kind.
        target_tetrahedra: how many tetrahedra the mesh shall have; all edges but the smallest are
            scaled until it has about as many (0: as many as the edges give).
        margin_mm: around tumours edges are those in tumours up to this distance.
        most_tetrahedra: cells are divided so that thin pieces stay whole, and surfaces close to
            the labels', as long as the mesh has no more; what is then not kept is told. Not with a
            target, and no limit for what the edges themselves ask for.
        organ_alone: mesh the one organ with its tumours and vessels, as an organ's simulation needs
            it: in one piece, cavities closed, other structures within it joined to it. All that is
            left out is listed. Otherwise all that is labelled is meshed.
    """

    organ_edge_mm: float = 8.0
    tumour_edge_mm: float = 3.0
    vessel_radius_mm: float = 0.0
    smallest_edge_mm: float = 0.0
    edges_per_radius: float = 1.0
    edges_mm: Mapping[str, float] = field(default_factory=dict)
    target_tetrahedra: int = 0
    margin_mm: float = 0.0
    most_tetrahedra: int = 150_000
    organ_alone: bool = False

    def __post_init__(self) -> None:
        """Raise BadArgument for sizes no mesh can have."""
        edges = (self.organ_edge_mm, self.tumour_edge_mm, *self.edges_mm.values())
        if not all(0.1 <= edge <= 100.0 for edge in edges):
            raise BadArgument("edges lie between 0.1 and 100 mm", where="Sizes")
        if not 0.0 <= self.smallest_edge_mm <= min(edges):
            raise BadArgument("the smallest edge is longer than another one", where="Sizes")
        if not 0.5 <= self.edges_per_radius <= 4.0:
            raise BadArgument("edges_per_radius lies between 0.5 and 4", where="Sizes")
        if not 0.0 <= self.vessel_radius_mm <= 50.0:
            raise BadArgument("vessel_radius_mm lies between 0 and 50 mm", where="Sizes")
        if not 0.0 <= self.margin_mm <= 50.0:
            raise BadArgument("margin_mm lies between 0 and 50 mm", where="Sizes")
        if not 0 <= self.most_tetrahedra <= 20_000_000:
            raise BadArgument("most_tetrahedra is no more than 20 million", where="Sizes")
        if self.target_tetrahedra and not 100 <= self.target_tetrahedra <= 20_000_000:
            raise BadArgument("a mesh has between 100 and 20 million tetrahedra", where="Sizes")

    def edge_mm(self, structure: Structure) -> float:
        """Return the longest edge wanted on and in one structure."""
        by_kind = self.tumour_edge_mm if structure.kind == "tumour" else self.organ_edge_mm
        return self.edges_mm.get(structure.name, by_kind)

    def on(self, spacing_mm: tuple[float, float, float]) -> Sizes:
        """Return the sizes with the smallest edge said, for voxels of a spacing."""
        edges = (self.organ_edge_mm, self.tumour_edge_mm, *self.edges_mm.values())
        smallest = self.smallest_edge_mm or VOXELS_PER_SMALLEST * min(spacing_mm)
        return replace(self, smallest_edge_mm=min(smallest, *edges))

    def least_mm(self, structure: Structure) -> float:
        """Return the shortest edge that the thickness of a structure may ask for.

        An organ alone is for simulation: its own edges are halved at most, and vessels need no
        finer ones than the radius from which they are regions.
        """
        if not self.organ_alone or structure.kind == "tumour":
            return 0.0
        by_kind = self.vessel_radius_mm if structure.kind == "vessel" else 0.5 * self.organ_edge_mm
        return min(by_kind, self.edge_mm(structure))
