from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import skeletonize

from organtwin.segmenting.edges import EDGE, drawn_to_edges
from organtwin.segmenting.morphology import dilated
from organtwin.segmenting.parenchyma import Parenchyma
from organtwin.segmenting.parting import Parting
from organtwin.segmenting.roots import Trunks, portal_root, trunks_at
from organtwin.segmenting.shade import SHADE_MM, shaded
from tests.segmenting.test_parts import MM, ball, lit, tube


def test_that_a_click_moves_a_branch_to_its_tree_and_leaves_the_rest() -> None:
    trunk, other = tube((2, 24, 25), (47, 24, 25), 2.5), tube((2, 40, 25), (47, 40, 25), 2.5)
    branch, bridge = tube((25, 24, 25), (25, 4, 25), 1.8), tube((10, 24, 25), (10, 40, 25), 1.8)
    roots = trunk.copy(), other.copy()
    roots[0][5:], roots[1][5:] = False, False
    parting = Parting.of(lit(trunk | other | branch | bridge, sd=0.5), roots)
    click = np.zeros_like(trunk)
    click[25, 10, 25] = True
    before, after = parting.first(), parting.first((np.zeros_like(click), click))
    beyond = branch & (np.indices(branch.shape)[1] < 18)
    assert before[beyond].all()
    assert after[beyond].mean() < 0.05
    rest = (trunk | other | bridge) & ~dilated(branch, 3.0, MM)
    assert np.array_equal(before[rest], after[rest])


@pytest.mark.parametrize("radius", [1.5, 4.0])
def test_that_a_vessel_followed_too_wide_is_drawn_to_its_edge(radius: float) -> None:
    true = tube((5, 25, 25), (45, 25, 25), radius)
    bright = ndimage.gaussian_filter(60.0 * true, 1.0).astype(np.float32)
    followed = bright > 0.15 * bright.max()
    everywhere = np.ones_like(true)
    drawn = drawn_to_edges(followed, bright, everywhere, most=60.0, share=EDGE, spacing_mm=MM)
    cut = slice(12, 38)
    assert followed[cut].sum() > 1.25 * true[cut].sum()
    assert drawn[cut].sum() == pytest.approx(true[cut].sum(), rel=0.15)


def test_that_a_thin_vessel_beside_a_bright_one_keeps_its_middle_line() -> None:
    wide, thin = tube((5, 20, 25), (45, 20, 25), 4.0), tube((5, 27, 25), (45, 27, 25), 1.0)
    bright = np.where(wide, 60.0, np.where(thin, 15.0, 0.0)).astype(np.float32)
    everywhere = np.ones_like(wide)
    drawn = drawn_to_edges(wide | thin, bright, everywhere, most=60.0, share=EDGE, spacing_mm=MM)
    assert drawn[skeletonize(wide | thin)].all()
    assert not drawn[thin].all()


def welded(radius: float) -> tuple[Parenchyma, np.ndarray]:
    """An organ of 100 on a vena cava and a portal trunk of 160 that join, voxels of 1.5 mm."""
    cava, trunk = (
        tube((32, 54, 0), (32, 54, 63), 6.7, 64),
        tube((38, 50, 22), (38, 30, 22), radius, 64),
    )
    axes = np.indices(cava.shape) - 32.0
    organ = np.sqrt((axes**2).sum(axis=0)) < 20.0
    hu = np.where(cava | trunk, 160.0, np.where(organ, 100.0, 20.0)).astype(np.float32)
    return Parenchyma(hu, organ, np.full(hu.shape, 100.0, np.float32), (1.5, 1.5, 1.5)), trunk


@pytest.mark.parametrize("radius", [3.9, 4.2])
def test_that_the_portal_trunk_is_found_where_it_is_welded_to_the_vena_cava(radius: float) -> None:
    tissue, trunk = welded(radius)
    trunks = trunks_at(tissue, 60.0, 32.0)
    assert trunks.cava[32, 54, 32]
    assert not trunks.cava[38, 38, 22]
    root = portal_root(trunk & ~trunks.cava, trunks, tissue.spacing_mm)
    assert root[38, 38, 22]


def test_that_without_any_trunk_the_portal_root_is_the_widest_place() -> None:
    vessels = tube((5, 25, 25), (45, 25, 25), 1.5) | tube((30, 25, 25), (38, 25, 25), 4.0)
    root = portal_root(vessels, Trunks(np.zeros_like(vessels), ()), MM)
    assert root[34, 25, 25]
    assert not root[10, 25, 25]


def test_that_tissue_shaded_by_a_tumour_is_compared_with_its_like() -> None:
    tumour = ball(8.0)
    hu = ndimage.gaussian_filter(np.where(tumour, 50.0, 100.0), 2.0).astype(np.float32)
    flat = np.full(hu.shape, 100.0, np.float32)
    tissue = shaded(Parenchyma(hu, np.ones_like(tumour), flat, MM), tumour)
    away = ndimage.distance_transform_edt(~tumour)
    beside = (away > 0) & (away <= SHADE_MM)
    assert (hu - flat)[beside].min() < -15.0
    assert np.abs(hu - tissue.level)[beside].max() < 6.0
    assert np.array_equal(tissue.level[away > SHADE_MM + 1.0], flat[away > SHADE_MM + 1.0])
