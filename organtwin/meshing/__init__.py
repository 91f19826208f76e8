"""LabelMap → smooth surfaces, and one conforming tetrahedral OrganMesh.

``mesh_labels`` is the whole route (`mesh.py` reads from top to bottom): labels are checked and
cleaned (`solid`), all interfaces are found and smoothed at once (`surfaces`), sampled (`sampling`)
and the inside filled (`lattice`) as edge lengths ask (`sizes`), triangulated and labelled
(`tetrahedra`), repaired (`repair`), fitted to the volumes (`fitting`), polished by Mmg (`polish`),
checked and judged (`quality`).
"""

from organtwin.meshing.mesh import mesh_labels
from organtwin.meshing.quality import checked, quality_of
from organtwin.meshing.sizes import Sizes
from organtwin.meshing.surfaces import Surface, surfaces

__all__ = ["Sizes", "Surface", "checked", "mesh_labels", "quality_of", "surfaces"]
