"""LabelMap → smooth surfaces, and one conforming tetrahedral OrganMesh.

``mesh_labels`` is the whole route (`mesh.py` reads from top to bottom): what is to be meshed
(`solid`); all interfaces found and smoothed at once (`surfaces`, `volumes`); space divided into an
octree of labelled cells, as small as structures are thin (`planning`, `thickness`, `octree`), no
structure touching itself at an edge or a corner if that can be helped (`pinches`); each cell is a
cone of tetrahedra from its faces to its centre (`cones`); points moved to the interfaces as far
as angles allow (`settling`, `goals`, `relaxing`, `angles`), cells divided again where that did not
suffice (`misfits`); the mesh checked and judged (`quality`, `distances`, `shells`).

One organ for a simulation takes fewer tetrahedra by Delaunay's triangulation (`delaunay`): points
on the interfaces (`sampling`) and inside (`lattice`) as edge lengths ask (`sizefield`),
triangulated and labelled (`tetrahedra`), repaired (`repair`), fitted to the volumes (`fitting`),
polished by Mmg (`polish`). It is taken when it keeps all promises, else the octree.
"""

from organtwin.meshing.mesh import mesh_labels
from organtwin.meshing.quality import checked, quality_of
from organtwin.meshing.sizes import Sizes
from organtwin.meshing.surfaces import Surface, surfaces

__all__ = ["Sizes", "Surface", "checked", "mesh_labels", "quality_of", "surfaces"]
