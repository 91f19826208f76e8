"""Tiny DICOM series written to order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid


def slice_of(pixels: np.ndarray, position: Sequence[float], **said: Any) -> FileDataset:
    """Return one CT slice; `said` overrides or adds elements by keyword, None removes one."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage
    told_apart_by = [str(position), pixels.tobytes().hex(), str(said)]
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=told_apart_by)
    one = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    values: dict[str, Any] = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "SeriesInstanceUID": "1.2.3",
        "StudyInstanceUID": "1.2",
        "FrameOfReferenceUID": "1.2.9",
        "Modality": "CT",
        "PatientName": "Invented^Ann",
        "PatientID": "A1",
        "AcquisitionDate": "20240131",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "ImagePositionPatient": [round(float(x), 6) for x in position],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [2.0, 1.0],
        "SliceThickness": 3.0,
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "RescaleSlope": 1,
        "RescaleIntercept": -1000,
    }
    for keyword, value in (values | said).items():
        if value is not None:
            setattr(one, keyword, value)
    one.PixelData = pixels.astype("<i2").tobytes()
    return one


def values_at(index: int) -> np.ndarray:
    """Return 4 rows of 5 columns whose values tell slice, row and column: 100 k + 10 j + i."""
    return 100 * index + 10 * np.arange(4)[:, None] + np.arange(5)[None, :]


def written(folder: Path, places: Sequence[Any], **said: Any) -> list[Path]:
    """Write slices at given positions along z, or in space, beside those of a folder."""
    folder.mkdir(exist_ok=True)
    paths = []
    for n, place in enumerate(places):
        position = place if np.ndim(place) else (-10.0, -20.0, place)
        path = folder / f"{len(list(folder.iterdir())):03d}.dcm"
        slice_of(values_at(n), position, **said).save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths
