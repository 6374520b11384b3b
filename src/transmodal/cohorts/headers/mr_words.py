"""The weighting that an MR series' description names, or why the series is no plain weighted image.

Words of English, German, French and Spanish, and the names that Siemens, GE, Philips and Canon give to sequences.
A word ends at a digit, an underscore or a sign: `t1_KM`, `T2FS` and `3DT1` hold the words that one expects.
"""

from __future__ import annotations

import re
import unicodedata

INVERSION = re.compile(
    r"(?<![a-z])(?:t?irm?|turbo ?ir|spc ?ir|space ?ir|inversion|stir|se ?ir|ir ?tse|ir ?fse)(?![a-z])"
)
"""Words of an inversion recovery that do not say what it suppresses."""

_ASIDE: tuple[tuple[str, str], ...] = (
    (
        "a localizer or a calibration",
        r"locali[sz]|lokali|ubersicht|uebersicht|overview|scout|survey|<loc>|<loca>|<3 ?pl>|3 ?plane|topogram|aahead|plan ?scan|smart ?(?:brain|plan|exam)"
        r"|reperage|<repere>|planung|calib|kalib|<cal>|<asset>|ref ?scan|scan ?ref|sense ?ref|coil|prescan|<shim|b1 ?map"
        r"|bolus ?track|care ?bolus|smart ?prep|fluoro|<test>",
    ),
    (
        "a screen, a report or a fusion",
        r"screen|<report|presentation|phoenix|pos ?disp|capture|key ?image|fusion|<fused|overlay|<qc>",
    ),
    (
        "a subtraction",
        r"<sub(?! ?-? ?\d{2})(?:s|t|tr|traction|trac|traktion)?>|subtr|substr|soustr|sustra|sottra|differen[zc]|<diff ?bild",
    ),
    (
        "diffusion",
        r"dwi|<dti|diff|<dw>|trace|<e?adc|tensor|<b ?[=-]? ?(?:0|\d{2,4})>|<ivim|<dki|hardi|<msde|<noddi|tractogra|<frac ?anis",
    ),
    (
        "perfusion or a time course",
        r"perf|<pwi>|<dsc>|<dce>|<[23]?d?asl>|casl>|<pasl>|<(?:rel|r|q)?cb[fv]>|<r?mtt>|<ttp>|<tmax>|k ?trans|<gbp>|<pbp>|<dyn"
        r"|<twist|tricks|keyhole|<4d|<cine|tagging|multi ?phase|multiphas|verlauf",
    ),
    (
        "functional imaging",
        r"<bold>|fmri|<rest(?:ing)?>|resting|<task|mosaic|<mo ?co(?!n)|venobold|ven ?bold|<ep ?2d|<epi>|<ep>|<epfid",
    ),
    (
        "angiography or flow",
        r"<tof|<\w?[cr]?mra>|<mrv>|<mrdsa|angio|venogr|<venc|phase ?contrast|phasenkontrast|<pc ?a?>|<[23]?d ?pc>|inhance"
        r"|willis|<cow>|flow(?! ?comp)|<fluss|<flux|<flujo|<qiss|<quiss|<qflow",
    ),
    (
        "a projection",
        r"<min ?ip|<mn?ip|<m ?ip>|<mips>|projecti|projekti|proyecc|collapse|<pjn|<vrt>|<ssd>|render|<rotat",
    ),
    (
        "T2* or susceptibility",
        r"<t ?2w? ?\*|\*t2|<t2w? ?-? ?(?:star|stern|etoile|estrella|stella)|t2 ?st>|t2s>|<swi|<swan|<swp|<qsm|sus[cz]ept|venbold"
        r"|<r2 ?\*|<r2s|<hemo|haemo|<heme>|hemosid|hamosid|<medic>|<merge>|<me2d|<pha ?(?:images|map)|<mag ?(?:images|map)",
    ),
    (
        "steady-state free precession",
        r"<ciss|fiesta|tru ?fi|true ?fisp|<b ?-? ?[ft]fe|<b?ssfp|<dess>|<fisp|balanced|<psif|<trufisp|truesshfp|<fimix",
    ),
    (
        "an inversion recovery that suppresses fat or more than fluid",
        r"<stir|tirm ?stir|<dir>|<dir ?(?:space|spc|[23]d)|(?:space|spc|[23]d) ?dir>|double ?(?:inversion|ir)|fgatir|<wmn>|<null(?:ed)?>|nulled|<psir"
        r"|phase ?sensitive|qalas",
    ),
    (
        "a map of figures",
        r"(?<!t1)(?<!t2)<map>|maps?>|mapping|map ?it|karte>|kartier|carte>|cartogra|mapa>|relaxo|t[12] ?rho|molli|parametr|<mwf>"
        r"|<r[12]>|quant|<(?:col|c)?fa>|colou?r|anisotrop|<evec|<mask|segment|t[12] ?images|ratio>|<mtr>|magneti[sz]ation ?transfer"
        r"|<mtc?>|<mt ?(?:on|off)|elasto|<mre>|stiffness|thermo|temperat|confidence|<vfa>|<b0 ?map|field ?map|feldkarte|field ?mapping",
    ),
    ("an inversion image of MP2RAGE", r"<inv ?[12]|inv[12]>"),
    (
        "synthetic, or computed from something else",
        r"<synth|mr ?cat>|<sct>|<pct>|pseudo ?ct|<mrac|<ac ?map|attenuation|<u ?map|mu ?map|<syn ?(?:mr|t[12]|pd|flair)|<symri|<magi ?c>|<mdme|qrapma|<sy ?t[12]",
    ),
    ("spectroscopy", r"spe[ck]tro|<mrs>|<svs|<csi>|<press>|laser>|<steam>|<mrsi>|<voxel"),
    (
        "a phase or a complex part",
        r"(?<!in )<(?:pha|phase|phases|phasen|phasenbild|real|imag|imaginary|imaginar)>",
    ),
    (
        "fat, or fat and water of opposed phase",
        r"<opp|out ?(?:of ?)?phase|<fat>(?! ?(?:sat|sup|sep|free))|<pdff|(?:dixon|ideal|<vibe|flex).*<(?:f|fat|fett|graisse|opp|out|outphase)>"
        r"|gegenphas|oppos|<in ?[/+&] ?(?:out|opp)|<ip ?[/+&] ?op>|(?<!post )(?<!pre )(?<!prae )(?<!pra )(?<!nach )(?<!vor )(?<!post)(?<!pre)"
        r"(?<!prae)<op>",
    ),
    ("of bone or without echoes", r"<zte>|<ute>|<petra>|black ?bone"),
    ("of many echoes", r"<cpmg>|<mese>|multi ?(?:ple )?echo|<meco|despot"),
    ("a projection of bile, urine or nerves", r"mrcp|myelo|cholangi|urogra|neurogra"),
)
_PHASES_OF_TIME = re.compile(
    r"(?:in|arterial|venous|venos|portal|late|delayed|equilibrium|arteriel\w*|tardive|hepatobil\w*) ?phase|phase ?enc\w*"
    r"|phase ?(?:ap|pa|rl|lr|hf|fh)(?![a-z])"
)
_PREFIX = r"(?:(?<![a-z0-9])(?:[23]d|wip|ax|axi|axial|sag|sagittal|cor|coro|coronal|tra|trans|kor|transv|e|s|fs|iso|de|v|us|u|q|brain|head|kopf|tete|cerebr[ao]l?)+)"
_T1 = re.compile(rf"(?:(?<![a-z0-9])|{_PREFIX}|(?<=3d)|(?<=2d))t ?-?1(?!\d)")
_T2 = re.compile(rf"(?:(?<![a-z0-9])|{_PREFIX}|(?<=3d)|(?<=2d))t ?-?2(?!\d)")
_PD = re.compile(
    rf"(?:(?<![a-z])|{_PREFIX})(?:pdw?i?|dpw?|rho)(?![a-z])|(?<![a-z])pd(?:fs|tse|fse|se|w?spair|spir)(?![a-z])"
    r"|proton|protonen|densite ?de ?p|densidad ?(?:de ?)?p|densita ?p"
)
_FLAIR = re.compile(
    r"flair|dark ?fl|(?<![a-z])da ?fl(?![a-z])|fluid ?atten|fluessigkeitsunter|flussigkeitsunter"
)
_T1_SEQUENCE = re.compile(
    r"mp ?-?rage|mp ?2 ?rage|bravo|(?<![a-z])f?spgr|(?<![a-z])tfl ?3d|(?<![a-z])(?:tfl|vibe|lava|e?thrive|mdeft)(?![a-z])"
    r"|ultrafast ?gradient ?echo|turbo ?flash"
)
_GRADIENT = re.compile(
    r"(?<![a-z])(?:gre|mpgr|ffe|tffe|ge|eg|fe|fe_?[23]d|fl ?[23]d|flash|gradient\w*|gradienten\w*|spgr|me ?[23]d|efgre\w*|fast ?field"
    r"|echo ?(?:de ?)?gradi\w*|eco ?(?:de ?)?gradi\w*)(?![a-z])"
)
_TWO_ECHOES = re.compile(r"dual|(?<![a-z])(?:double|doppel|doble)(?![a-z])|doppelecho")


def normalise(text: str) -> str:
    """Return text in small letters without accents, words parted by single blanks; signs that mean something stay."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)  # SagT1Post
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).lower()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[_,;:\\|\[\]{}\"'#~\x00-\x1f]", " ", plain).split())


def find_exclusion(text: str) -> str:
    """Return why a series of this description is no plain weighted image, empty where nothing says so.

    Args:
        text: `normalised`.
    """
    loose = " ".join(text.replace("-", " ").split())
    loose = _PHASES_OF_TIME.sub(" ", loose)
    for reason, pattern in _PATTERNS:
        if pattern.search(loose):
            return reason
    weightings = _weightings(text)
    if "t2" in weightings and "flair" not in weightings and _GRADIENT.search(loose):
        return "T2*: a gradient echo"
    if re.search(r"mp ?2 ?rage", loose) and not re.search(r"(?<![a-z])uni|(?<![a-z])den(?![a-z])", loose):
        return "one of several images of MP2RAGE"
    return ""


def weightings(text: str) -> frozenset[str]:
    """Return which of t1, t2, pd and flair the words name; a T1 with suppressed fluid is t1.

    Args:
        text: `normalised`.
    """
    names = _weightings(text)
    return (
        names - {"flair"}
        if names == {"t1", "flair"}
        else names - {"t2"}
        if names == {"t2", "flair"}
        else names
    )


def says_flair(text: str) -> bool:
    """Return whether the words name suppressed fluid, of whatever weighting."""
    return bool(_FLAIR.search(" ".join(text.replace("-", " ").split())))


def says_two_echoes(text: str) -> bool:
    """Return whether the words name a double echo, whose echo time says which of the two this is."""
    return bool(_TWO_ECHOES.search(text))


def _weightings(text: str) -> frozenset[str]:
    loose = " ".join(text.replace("-", " ").split())
    matches = {
        "t1": _T1.search(text) or _T1.search(loose) or _T1_SEQUENCE.search(loose),
        "t2": _T2.search(text) or _T2.search(loose),
        "pd": _PD.search(loose),
        "flair": _FLAIR.search(loose),
    }
    return frozenset(name for name, match in matches.items() if match)


def _compile(pattern: str) -> re.Pattern[str]:
    """Compile with `<` and `>` as the borders of words: no letter stands there."""
    bordered = re.sub(r"(?<!\?)<", "(?<![a-z])", pattern).replace(">", "(?![a-z])")
    return re.compile(bordered)


_PATTERNS = tuple((reason, _compile(pattern)) for reason, pattern in _ASIDE)
