"""Words of imaging: all that messages show of the free text in DICOM headers, which can be of a patient."""

from __future__ import annotations

import re

_MODALITIES = frozenset(
    re.findall(
        r"\w+",
        """
        AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM HC HD IO
        IOL IVOCT IVUS KER KO LEN LS M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS
        PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM
        SMR SR SRF STAIN TEXTUREMAP TG US VA XA XAPROTOCOL XC
        """,
    )
)
"""Terms that DICOM defines for Modality (PS3.3, C.7.3.1.1.1)."""
WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        adc adni afi angio anat apt asl ax axial axiale axt b bb bias bilateral blade body bold bone bravo
        brain bssfp c caipi calibration cbct cbf cbv cc cest ciss cine con contrast contraste cor coronal
        cow ct cta cube cs d dark darkfluid de dess diff diffusion dir dixon double dti dual dwi dyn echo
        enhanced ep epi eyes fa fast fat fatsat fe ffe field fiesta fl flair flash flex flip fluid fmap
        fmri fossa fov fr fs fse fsat fspgr gad gado gadolinium gd gr gradient grappa grase gre h haste
        head hemo hr i images in inj injection inphase inv inversion ir iso isotropic iv k kernel km
        kontrast kontrastmittel lava localizer loc lumbar lung mag map mapping mb mdixon me merge mip mit
        mm moco motion mp mpr mprage mpgr mra mrcp ms mt multi myelo nativ native neck neg non norm ns
        ohne op opp out p pc pd pdw pelvis perf perfusion phase pha plus pos posdisp post posterior
        postcontrast pre precontrast prescan psir pv pwi qsm rage radial recovery ref relcbf resolve rest
        rho roi rot s sag sagittal sagt sans sat saturation scan scout se sense sequence shim silent sin
        slab slice smart soft space spair spc spgr spin spine spir spiral ssfp stack star stir sub
        subtraction survey susceptibility swan swi sym t te tensor tfe thick thin thorax ti tirm tof tr
        tra trace tracew trans transverse trig trufi tse turbo turboflash twist uni upper vibe view vista
        vol volume w water weighted whole with without wo x y z zte
        """,
    )
)
"""Words of sequences, planes and regions, in small letters; two of them side by side name nobody."""
_TOKEN = re.compile(r"[^\W_]+")
_PARTS = re.compile(r"[^\W\d_]+")


def show_modality(text: str) -> str:
    """Return a DICOM Modality where it is a term of the standard, and otherwise that it is none."""
    if not text:
        return "no modality"
    return text if text in _MODALITIES else "an unknown Modality"


def mask_description(text: str) -> str:
    """Return a description with every word that is none of imaging, and every number that stands alone, as `***`."""
    return _TOKEN.sub(lambda match: match[0] if _is_of_imaging(match[0]) else "***", text)


def _is_of_imaging(word: str) -> bool:
    """Return whether a word such as `t1`, `FLAIR` or `1mm` is made of words of imaging, and of no long number."""
    parts = _PARTS.findall(word.lower())
    digits = re.findall(r"\d+", word)
    return bool(parts) and all(part in WORDS for part in parts) and all(len(run) <= 3 for run in digits)
