"""Whether a contrast agent was in the patient: what a header says of it, what a description says, and both together."""

from __future__ import annotations

import re
from typing import Literal

Agent = Literal["with", "without", "unclear", ""]
"""`unclear` where both are said, or something that says neither; empty where nothing is said."""

_NONE = frozenset(
    [
        "none",
        "no",
        "n",
        "0",
        "-",
        "--",
        "---",
        ".",
        "/",
        "nil",
        "null",
        "na",
        "n/a",
        "false",
        "nein",
        "kein",
        "keine",
        "keines",
        "ohne",
        "nativ",
        "native",
        "non",
        "sans",
        "aucun",
        "aucune",
        "sin",
        "ninguno",
        "ninguna",
        "nada",
        "no.contrast",
        "without",
        "w/o",
        "wo",
        "pre",
        "precontrast",
        "nocontrast",
        "no_contrast",
        "noncontrast",
        "geen",
        "nessuno",
        "senza",
        "sem",
        "nenhum",
    ]
)
_UNKNOWN = frozenset(
    [
        "unknown",
        "unbekannt",
        "inconnu",
        "desconocido",
        "?",
        "??",
        "x",
        "xx",
        "unspecified",
        "other",
        "see.notes",
        "contrast?",
    ]
)
_CLEAR = (
    r"contrast\w*|kontrast\w*|km|gd|gd ?dtpa|gad\w*|gbca|pdc|injection|injecte\w*|inj|civ|mdc|enhanc\w*|enh|inject\w*|contr|dotarem|magnevist"
    r"|multihance|prohance|omniscan|clariscan|primovist|eovist|ablavar|optimark|artirem|dotagraf|cyclolux|pixxoscan|vueway"
    r"|elucirem|ce"
)
_NAMES = rf"{_CLEAR}|produit\w*|medio|mezzo|agent\w*|iv"
_NOT = r"w/o|w\.o\.?|wo|w/out|without|no|non|not|nicht|ohne|kein\w*|sans|sin|senza|sem|zonder|geen|pre|prae|pra|prior to|before"
_NOT += r"|vor|avant|antes(?: de)?|prima(?: di)?|voor|bez|utan|uden|free of"

_OF_ELSE = re.compile(  # a negation, or `post`, of something else than an agent
    rf"(?<![a-z])(?:{_NOT}|with|w|w/|mit|avec|con|com)[ .\-]*(?:fs|fat ?-?sat\w*|fat ?sup\w*|fatsat\w*|fett\w*|gap|moco|norm\w*|flow\w*|mt|saturation\w*"
    r"|graisse|grasa|angul\w*|motion|sedat\w*|anasthesi\w*|anesth\w*|op|surg\w*|treat\w*|chemo\w*|rt|radio\w*|biops\w*|sat)(?![a-z])"
    r"|(?<![a-z])(?:post|pra|prae|pre|pos)[ .\-]*(?:op\w*|fossa|erior\w*|surg\w*|rad\w*|rt|treat\w*|chemo\w*|biops\w*|part\w*|mortem|trau\w*"
    r"|ther\w*|ictal|natal|hippoc\w*|proc\w*|resekt\w*|resect\w*|sedat\w*|central\w*|stroke|ther)(?![a-z])"
    r"|(?<![a-z])(?:fossa|fosse|fosa) post(?![a-z])|posterior\w*|posterieur\w*|hinter\w*|soft tissue contrast|high contrast|phase contrast"
)
_AND = r"[ ./\-]*(?:and|und|et|y|e|&|\+|/|u\.?)?[ ./\-]*"
_WITH_AND_WITHOUT = re.compile(
    rf"(?<![a-z0-9])(?:with|w|mit|avec|con|com|post|nach){_AND}(?:without|w/?o|ohne|sans|sin|sem)(?![a-z])"
    rf"|(?<![a-z0-9])(?:pre|prae|pra|vor|avant|sans|ohne|sin|sem|without|w/o|wo){_AND}(?:post|nach|apres|with|mit|avec|w)(?![a-z])"
    r"|(?<![a-z])(?:sin|sem)[ ./]*[ye/&+][ ./]*co[nm](?![a-z])"
)
_NEGATED = re.compile(
    rf"(?<![a-z])(?:{_NOT})[ .\-]*(?:(?:i\.?v\.?|the|any|de|du|di|d|el|la|le)[ .\-]*)?(?:{_NAMES}|\+?c)(?: (?:de|of|du) (?:{_NAMES}))?(?![a-z])"
    r"|(?<![a-z])(?<!i\.)(?<!i )(?:o|v)\.? ?(?:km|gd|kontrast\w*)(?![a-z])"
    r"|(?<![a-z])(?:km|gd|gado?|contrast\w*|kontrast\w*|mittel)[ =\-]*(?:frei\w*|free|los\w*|neg\w*|none|nein|no|non|nil|0)(?![a-z])"
    r"|kontrasts\wz|kontrastmittelfrei\w*|kontrastfrei\w*|(?<![a-z])(?:km|gd|gad\w*|iv|inj|c) ?-(?=[ )/.]|$)|(?<= )-(?:c|gd|km|gad)(?![a-z])|\((?:-|o\.?) ?(?:km|gd|c|k)\)"
)
_WITHOUT = re.compile(
    r"(?<![a-z])(?:w/o|wo|without|ohne|nativ\w*|pre|prae|pra|pre ?-?(?:c|con\w*|contrast\w*|gad\w*|gd|km|inj\w*)|unenhanced"
    r"|non ?-?(?:enhanced|contrast\w*|con|ce)|nocontrast|sans|sin|senza|sem|zonder|plain|s/c|avant|vor|before|basal)(?![a-z])"
)
_WITH = re.compile(
    rf"(?<![a-z])(?:{_CLEAR}|postcontrast\w*|postc|postgad\w*|postgd|postkm|postinj\w*"
    r"|poscontrast\w*|post|pos ?contrast\w*|w/ ?c(?:on)?|c/c)(?![a-z])"
    r"|(?:(?<![a-z0-9])\+|(?<=[ a-z0-9])\+) ?c(?:e|ontrast\w*)?(?![a-z])|\+ ?(?:gd|gad\w*|km)(?![a-z])|(?<![a-z])c ?\+|(?<![a-z])(?:km|gd|gado?|iv|inj) ?\+"
    r"|t1w?(?:c|ce|gd|gad|km)(?![a-z])|(?<![a-z])[nmp]\.? ?km(?![a-z])"
)
_GLUED = re.compile(r"(t1w)(?=post|pre|gd|gad|km|ce|con|inj|enh|nativ)")
_LATIN = "\u024f"
_HINT = re.compile(
    r"(?<![a-z])(?:delay\w*|late|spat\w*|tardi\w*|min|dose|mit|con|with|avec|apres|nach|after|despues|arter\w*|portal\w*|venous|venos\w*"
    r"|equilibr\w*|hepatobil\w*|iv|cont|kontr|med|po)(?![a-z])|(?<= )c$|t1w? cm(?![a-z])|t1w? ?\+(?= |$)|\(\+\)|t1w?-c(?![a-z])"
)


def in_words(text: str) -> Agent:
    """Return what a description says of a contrast agent.

    Args:
        text: normalised by `mr_words.normalise`.
    """
    if any(letter > _LATIN and letter.isalpha() for letter in text):
        return "unclear"  # words of scripts that are not read here could say either
    remainder = _GLUED.sub(r"\1 ", _OF_ELSE.sub(" ", text))
    if _WITH_AND_WITHOUT.search(remainder):
        return "unclear"
    negated = bool(_NEGATED.search(remainder))
    remainder = _NEGATED.sub(" ", remainder)
    without = negated or bool(_WITHOUT.search(remainder))
    remainder = _WITHOUT.sub(" ", remainder)
    has = bool(_WITH.search(remainder))
    if has:
        return "unclear" if without else "with"
    if without:
        return "without"
    return "unclear" if _HINT.search(remainder) else ""


def in_header(agent: str, volume_ml: float | None) -> Agent:
    """Return what a header says: of ContrastBolusAgent, and of ContrastBolusVolume, which can be 0.

    Args:
        agent: as it stands there.
        volume_ml: None where it is not said.
    """
    words = ".".join(agent.lower().replace("_", " ").split())
    if not words:
        return ""
    if words in _UNKNOWN:
        return "unclear"
    if words in _NONE or re.fullmatch(
        r"(?:no|non|none|kein|sans|sin|without|w/o|ohne|pre)[.].*|0+(?:[.,]0+)?[.]?(?:ml|cc)?", words
    ):
        return "without"
    return "unclear" if volume_ml == 0 else "with"


def combine(header: Agent, words: Agent) -> Agent:
    """Return what header and words say together: `unclear` where they contradict one another."""
    if "unclear" in (header, words):
        # A header that says nothing of use leaves it to the words; words that say both are not overruled.
        return words if header == "unclear" and words else "unclear"
    if header and words and header != words:
        return "unclear"
    return words or header
