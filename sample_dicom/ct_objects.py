"""CT Image objects of one visit, JPEG-LS lossless, with UIDs that follow from the visit alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLSLossless, generate_uid

from sample_dicom.grid import Grid

FIRST_DATE = date(2025, 1, 14)
INTERCEPT_HU = -1024


@dataclass(frozen=True)
class Identity:
    """Everything that names one visit's study."""

    day: int
    seed: int

    @property
    def date(self) -> str:
        """Study date, YYYYMMDD."""
        return (FIRST_DATE + timedelta(days=self.day)).strftime("%Y%m%d")

    @property
    def folder(self) -> str:
        """Name of the visit's folder."""
        return f"day{self.day:03d}"

    def uid(self, *names: object) -> str:
        """A UID that is the same in every run with the same seed."""
        made: str = generate_uid(
            entropy_srcs=[
                "OrganTwin sample patient",
                str(self.seed),
                str(self.day),
                *map(str, names),
            ]
        )
        return made


def write_series(
    hu: NDArray[np.int16], grid: Grid, who: Identity, folder: Path
) -> list[FileDataset]:
    """Write one file per slice, head first, and return them in that order."""
    folder.mkdir(parents=True, exist_ok=True)
    count = hu.shape[2]
    slices = []
    for number in range(1, count + 1):
        k = count - number
        ds = _slice(hu[:, :, k], grid, who, number=number, k=k)
        path = folder / f"IM{number:04d}.dcm"
        ds.compress(JPEGLSLossless, generate_instance_uid=False)
        ds.save_as(path, enforce_file_format=True)
        slices.append(ds)
    return slices


def _slice(hu: NDArray[np.int16], grid: Grid, who: Identity, *, number: int, k: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = who.uid("CT", number)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = generate_uid(entropy_srcs=["OrganTwin sample scanner"])
    meta.ImplementationVersionName = "ORGANTWIN_SAMPLE"
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    _tell_patient(ds, who)
    _tell_study(ds, who)
    _tell_scan(ds)
    _tell_place(ds, grid, number=number, k=k)
    _tell_pixels(ds, hu)
    return ds


def _tell_patient(ds: Dataset, who: Identity) -> None:
    ds.PatientName = "SAMPLE^TWIN"
    ds.PatientID = "OT-SAMPLE-1"
    ds.PatientBirthDate = "19640229"
    ds.PatientSex = "O"
    ds.PatientAge = "060Y" if who.date < "20250301" else "061Y"
    ds.PatientSize = "1.70"
    ds.PatientWeight = "64"
    ds.PatientComments = "Synthetic: no such person. Made by sample_dicom/make.py"


def _tell_study(ds: Dataset, who: Identity) -> None:
    ds.StudyInstanceUID = who.uid("study")
    ds.SeriesInstanceUID = who.uid("series")
    ds.FrameOfReferenceUID = who.uid("frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = who.date
    ds.StudyTime, ds.SeriesTime = "090000", "090500"
    ds.AcquisitionTime = ds.ContentTime = "090610"
    ds.StudyID = f"OT{who.day:03d}"
    ds.AccessionNumber = ""
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "CT abdomen with contrast"
    ds.SeriesDescription = "Abdomen portal venous 2.5 mm"
    ds.ProtocolName = "Liver portal venous"
    ds.SeriesNumber = 2
    ds.AcquisitionNumber = 1


def _tell_scan(ds: Dataset) -> None:
    ds.Modality = "CT"
    ds.Manufacturer = "OrganTwin"
    ds.ManufacturerModelName = "Synthetic CT"
    ds.DeviceSerialNumber = "OT-1"
    ds.SoftwareVersions = "1"
    ds.InstitutionName = "Invented Hospital"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.BodyPartExamined = "ABDOMEN"
    ds.PatientPosition = "HFS"
    ds.KVP = "120"
    ds.XRayTubeCurrent = 250
    ds.ExposureTime = 500
    ds.Exposure = 125
    ds.GantryDetectorTilt = "0"
    ds.ConvolutionKernel = "SOFT"
    ds.ScanOptions = "HELICAL"
    ds.FilterType = "BODY"
    ds.RotationDirection = "CW"
    ds.DataCollectionDiameter = "500"
    ds.ContrastBolusAgent = "Iohexol 300 mg/mL"
    ds.ContrastBolusRoute = "IV"
    ds.ContrastBolusVolume = "100"
    ds.ContrastBolusStartTime = "090500"
    ds.ContrastFlowRate = "3"
    ds.ContrastBolusIngredient = "IODINE"
    ds.ContrastBolusIngredientConcentration = "300"


def _tell_place(ds: Dataset, grid: Grid, *, number: int, k: int) -> None:
    x, y, z = grid.origin_mm
    height = z + k * grid.spacing_mm[2]
    ds.InstanceNumber = number
    ds.ImagePositionPatient = [round(x, 4), round(y, 4), round(height, 4)]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.SliceLocation = round(height, 4)
    ds.SliceThickness = grid.spacing_mm[2]
    ds.PixelSpacing = [grid.spacing_mm[1], grid.spacing_mm[0]]
    ds.ReconstructionDiameter = round(grid.shape[0] * grid.spacing_mm[0], 2)
    ds.TableHeight = "150"


def _tell_pixels(ds: Dataset, hu: NDArray[np.int16]) -> None:
    stored = (hu.T - np.int16(INTERCEPT_HU)).astype(np.uint16)
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = stored.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.PixelRepresentation = 0
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = INTERCEPT_HU, 1, "HU"
    ds.WindowCenter, ds.WindowWidth = 60, 400
    ds.LossyImageCompression = "00"
    ds.PixelData = np.ascontiguousarray(stored).tobytes()
    ds["PixelData"].VR = "OW"
