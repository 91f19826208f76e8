"""Whether values that would stay tell the patient; and terms that never do.

A patient may be called "Mr", "Brain" or "Phantom"; a modality is a modality all the same.
"""

from __future__ import annotations

import re
from typing import Final

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from organtwin.deidentifying.forms import BYTES, FORMS, NUMBERS
from organtwin.deidentifying.substitutes import REMOVED
from organtwin.deidentifying.traces import Traces

CODES: Final = frozenset([0x00080100, 0x00080102, 0x00080119, 0x00080120])
WORDS: Final = (
    "AR AU BDUS BI BMD CR CT CTPROTOCOL DG DX ECG EM EPS ES FID GM HC HD IO IOL IVOCT IVUS KER "
    "KO LEN LS M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX "
    "REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM "
    "SMR SR SRF STAIN TEXTUREMAP TG US VA XA XC DOC ANN MONOCHROME1 MONOCHROME2 PALETTE RGB "
    "YBR_FULL YBR_FULL_422 YBR_PARTIAL_422 YBR_PARTIAL_420 YBR_ICT YBR_RCT ORIGINAL DERIVED "
    "PRIMARY SECONDARY AXIAL LOCALIZER VOLUME RESAMPLED MIXED NONE YES NO HU US BQML GML CNTS "
    "SUV SUVBW BW MODIFIED UNMODIFIED REMOVED HFS HFP FFS FFP HFDR HFDL FFDR FFDL SE GR IR RM "
    "EP SK SP MP OSP MTC TRSS 2D 3D PG M F O A L R P H S I AL PL BINARY FRACTIONAL LABELMAP "
    "PROBABILITY OCCUPANCY MANUAL AUTOMATIC SEMIAUTOMATIC CLOSED_PLANAR CLOSEDPLANAR_XOR POINT "
    "OPEN_PLANAR OPEN_NONPLANAR GY RELATIVE PHYSICAL EFFECTIVE BEAM FRACTION PATIENT GEOMETRIC "
    "COMPLETE PARTIAL UNVERIFIED VERIFIED CONTAINS NUM TEXT CODE CONTAINER IMAGE UIDREF SCOORD "
    "SCOORD3D SEPARATE CONTINUOUS HAS_OBS_CONTEXT HAS_CONCEPT_MOD HAS_PROPERTIES "
    "HAS_ACQ_CONTEXT INFERRED_FROM SELECTED_FROM 00 01 ISO_10918_1 ISO_14495_1 ISO_15444_1 DECY "
    "NORM DTIM ATTN SCAT START ADMIN STATIC DYNAMIC GATED EMISSION TRANSMISSION INCREMENTAL"
)
TERMS: Final = frozenset(WORDS.split()) | {"WHOLE BODY", "PALETTE COLOR"}
CHARACTER_SET: Final = re.compile(r"ISO[_ ]2022 IR \d{1,3}|ISO_IR \d{1,3}|GB18030|GBK")
FORM: Final = re.compile(r"[A-Z0-9_ ]{0,16}")


def term(text: str, traces: Traces) -> str:
    """Return a coded string (form: PS3.5 section 6.2), REMOVED for what is none or tells of one."""
    if text in TERMS or CHARACTER_SET.fullmatch(text):
        return text
    return text if FORM.fullmatch(text.strip(" \0")) and not traces.tell(text) else REMOVED


def checked(dataset: Dataset, tag: BaseTag, vr: str, traces: Traces) -> str:
    """Return the action for a value that would stay: another than K where it tells the patient.

    Args:
        vr: its representation (`forms.known_vr`), not SQ.
    """
    if vr in BYTES or vr in NUMBERS:
        value = dataset.get_item(tag).value
        return "X" if isinstance(value, bytes) and traces.tell_bytes(value) else "K"
    if vr in FORMS and vr != "UI":
        return "K"
    value = dataset[tag].value
    texts = [str(one) for one in ([value] if isinstance(value, str) else value or ())]
    if vr == "UI":
        return "U" if any(map(traces.tell_uid, texts)) else "K"
    if vr == "CS":
        alone = len(texts) == 1 and term(texts[0], traces) != texts[0]
        return "X/Z/D" if alone else "K"
    if not any(map(traces.tell, texts)):
        return "K"
    return "D" if tag in CODES else "C"
