"""Objects go to disk as they lie in memory."""

import tracemalloc
from pathlib import Path

import numpy as np

from organtwin.casefolder.objects import ObjectFolder
from organtwin.core.volume import GeometryReport, Volume


def test_that_putting_a_volume_copies_no_voxels(tmp_path: Path) -> None:
    voxels = np.zeros((256, 256, 64), np.int16, order="F")
    volume = Volume(voxels, np.eye(4), "HU", "CT", GeometryReport((1.0, 1.0, 1.0), "LPS"))
    store = ObjectFolder(tmp_path)
    tracemalloc.start()
    object_id = store.put(volume)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < voxels.nbytes / 20
    assert len(store.content(object_id)) > voxels.nbytes
