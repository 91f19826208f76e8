"""A mesh of a plain file as an organ with its tissue."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from organtwin.core.errors import BadArgument
from organtwin.core.organmesh import OrganMesh
from organtwin.organs import organ
from organtwin.pipeline.posing import centroids_mm, with_kinds
from tests.simulating.test_growth import block

LIVER = organ("liver")


def named(*names: str) -> OrganMesh:
    """The block with a tumour in its middle, its regions as a file names them."""
    mesh = block(6)
    told = (
        dataclasses.replace(one, name=name, kind="other", within="")
        for one, name in zip(mesh.structures, names, strict=True)
    )
    return dataclasses.replace(mesh, structures=tuple(told))


def test_that_regions_become_what_their_names_say() -> None:
    found = with_kinds(named("liver", "tumour-4"), LIVER)
    assert [(one.kind, one.within) for one in found.structures] == [
        ("organ", ""),
        ("tumour", "liver"),
    ]
    assert centroids_mm(found)[0] == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)


def test_that_a_mesh_of_one_region_is_the_organ_whatever_its_name() -> None:
    mesh = named("a", "b")
    label = mesh.structures[0].label
    alone = OrganMesh(
        mesh.points, mesh.tetrahedra, np.full_like(mesh.regions, label), mesh.structures[:1]
    )
    assert with_kinds(alone, LIVER).structure("liver").label == label


@pytest.mark.parametrize(
    ("names", "said"), [(("liver", "stone"), "'stone'"), (("portal-vein", "tumour-1"), "is liver")]
)
def test_that_regions_that_say_nothing_are_refused(names: tuple[str, str], said: str) -> None:
    with pytest.raises(BadArgument, match=said):
        with_kinds(named(*names), LIVER)
