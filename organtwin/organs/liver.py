"""The liver, with its portal and hepatic veins."""

from __future__ import annotations

from organtwin.core.labelmap import CodedTerm, Structure
from organtwin.core.parameter import Prior
from organtwin.organs import Organ, Rule, Support, Window

LIVER = CodedTerm("10200004", "SCT", "Liver")
_UNSOURCED = "stiffness unsourced, set your own"

ORGAN = Organ(
    name="liver",
    code=LIVER,
    structures=(
        Structure("liver", 1, "organ", LIVER, (0.72, 0.32, 0.26)),
        Structure(
            "portal-vein",
            2,
            "vessel",
            CodedTerm("32764006", "SCT", "Portal vein"),
            (0.60, 0.38, 0.80),
            "liver",
        ),
        Structure(
            "hepatic-vein",
            3,
            "vessel",
            CodedTerm("8993003", "SCT", "Hepatic vein"),
            (0.20, 0.56, 0.88),
            "liver",
        ),
    ),
    windows=(
        Window("liver", 90.0, 200.0, "unsourced; OHIF Viewer's liver preset is C 90 W 150"),
        Window("abdomen", 50.0, 400.0, "radiopaedia.org/articles/windowing-ct"),
    ),
    law="neo_hookean",
    law_values={
        "organ": {"shear_modulus_kpa": 2.14, "poisson_ratio": 0.49},
        "vessel": {"shear_modulus_kpa": 2.14, "poisson_ratio": 0.49},
        "tumour": {"shear_modulus_kpa": 6.42, "poisson_ratio": 0.49},
    },
    law_source=(
        "shear modulus: healthy liver by MR elastography 2.14 ± 0.28 kPa "
        "(mayoclinic.pure.elsevier.com, normative values for MR elastography based liver); "
        "tumour three times the organ and Poisson's ratio: unsourced, set your own"
    ),
    growth="fisher_kpp",
    priors=(
        Prior(
            "diffusion_mm2_per_day",
            "mm²/day",
            "lognormal",
            0.05,
            0.9,
            "unsourced, set your own (no primary source for the liver; wide on purpose)",
        ),
        Prior(
            "proliferation_per_day",
            "1/day",
            "lognormal",
            0.015,
            0.6,
            "wide around doubling times of colorectal liver metastases of 48 to 155 days "
            "(Br J Surg 1988, 10.1002/bjs.1800750707: overt 155 ± 34 d, occult 86 ± 12 d; "
            "PubMed 30957066: mean 71.4 d, fast below 48 d)",
        ),
    ),
    visible_density=0.5,
    volume_relative_sd=0.10,
    noise_source=(
        "automatic labels of the sample patient err by 2 to 10 %; real scans: unsourced, "
        "set your own"
    ),
    rules=(
        Rule(
            "remnant fraction",
            25.0,
            "%",
            "normal liver, 20 to 25 % by Kishi; Vauthey, Shoup: "
            "pmc.ncbi.nlm.nih.gov/articles/PMC6422720",
        ),
        Rule(
            "remnant fraction",
            30.0,
            "%",
            "if after more than 3 months of chemotherapy: pmc.ncbi.nlm.nih.gov/articles/PMC6422720",
        ),
        Rule(
            "remnant fraction",
            40.0,
            "%",
            "if the liver has fibrosis or cirrhosis: pmc.ncbi.nlm.nih.gov/articles/PMC6422720",
        ),
        Rule("minimal resection margin", 1.0, "mm", "R0: PubMed 26198997"),
        Rule("minimal ablation margin", 5.0, "mm", "repository.ubn.ru.nl/handle/2066/301258"),
    ),
    supports=(
        Support(
            "attached",
            0.1,
            0.036,
            "bare area, coronary ligaments, groove of the vena cava: held by the back of the "
            "abdomen as by `wall`, and moving along with the diaphragm, as stiff as that",
            0.5,
        ),
        Support(
            "back",
            0.1,
            0.0,
            "right lobe on the kidney and the back of the abdomen, which gas does not part: as "
            "`wall`",
            0.7,
        ),
        Support("falciform", 0.0, 0.01, "a thin fold; " + _UNSOURCED, 0.7),
        Support(
            "diaphragm",
            0.036,
            0.0,
            "slides below it; CALIBRATED: 1.6 kPa (12 mmHg) over 45 mm, the mean cranial shift of "
            "15 people (10.1007/s00464-025-12392-y), so the lift by gas is an input, no finding; "
            "90 % of the prior are 20 to 102 mm: with 28 mm of a pig, without the 14.6 mm of pigs "
            "in the same phase of breathing (2.25 spreads out)",
            0.5,
        ),
        Support(
            "viscera",
            0.01,
            0.0,
            "a choice: density times gravity of a fluid of 1 g/mL, which holds for shifts along "
            "gravity; its buoyancy under the organ is left out, so shifts to the side are upper "
            "bounds",
            0.7,
        ),
        Support(
            "wall",
            0.1,
            0.0,
            "ribs and abdominal wall; order of magnitude from an abdominal compliance of 250 to "
            "450 mL/mmHg (Malbrain 2014, 10.5603/AIT.2014.0062) over 0.3 m² of moving wall",
            0.7,
        ),
    ),
    tissue_priors=(
        Prior(
            "shear_modulus_kpa",
            "kPa",
            "lognormal",
            2.14,
            0.35,
            "centre: healthy liver by MR elastography (2.14 ± 0.28 kPa, Mayo Clinic); wider than "
            "that, for patients with fibrosis are stiffer (to 5 kPa) and elastography at 60 Hz "
            "tells of faster motion than this: the width is a choice",
        ),
        Prior(
            "bulk_modulus_kpa",
            "kPa",
            "lognormal",
            13.3,
            0.3,
            "of tissue that blood leaves in minutes; CALIBRATED: 1.6 kPa (12 mmHg) over 12 %, the "
            "mean loss of volume of 15 people (10.1007/s00464-025-12392-y); the width is a choice",
        ),
    ),
)
