"""Scripts of pages that open from a folder, where no module can be loaded: plain scripts made of modules, and their hashes."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256

_EXPORTS = re.compile(r"export\s*\{([^{}]+)\};?\s*(?://#[^\n]*)?\s*$")
_IMPORT = re.compile(r"^import\s[^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const)\b)", re.MULTILINE)


def object_of(module: str, name: str, member: str) -> str | None:
    """Return a module that ends in a list of exports as a plain script that sets `globalThis.<name>` to them.

    Args:
        module: without imports of its own.
        name: of the global.
        member: an export that has to be among them.

    Returns:
        The script; None where the module exports no such member.
    """
    exports = _EXPORTS.search(module)
    if exports is None or not re.search(rf"\b{member}\b", exports[1]):
        return None
    members = ", ".join(_member(word) for word in exports[1].split(","))
    # A plain script has no address of its own; the page's does for what modules ask it for.
    body = module[: exports.start()].replace("import.meta.url", "self.location.href")
    return f'(() => {{ "use strict";\n{inline(body)}\nglobalThis.{name} = {{{members}}};\n}})();\n'


def join(modules: Sequence[str]) -> str:
    """Return modules that import from one another as one plain script; each stands behind what it imports.

    Names at their top level share one scope, so that two of one name are an error of syntax. An import gives its names as
    they are, and an export stands before what it exports.
    """
    bodies = [_EXPORT.sub("", _IMPORT.sub("", module)) for module in modules]
    return f'(() => {{ "use strict";\n{inline("".join(bodies))}}})();\n'


def inline(script: str) -> str:
    """Return a script as it may stand within a page: nothing in it ends the element."""
    return script.replace("</script", r"<\/script").replace("<!--", r"<\!--")


def policy_hash(script: str) -> str:
    """Return the word of a Content-Security-Policy that lets this script run."""
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode('ascii')}'"


def data_block(content: object) -> str:
    """Return content as JSON that may stand within an element of a page."""
    text = json.dumps(content, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _member(word: str) -> str:
    """Return an entry of an export list as one of an object: `a as b` becomes `b: a`."""
    own, _, public = word.strip().partition(" as ")
    return f"{public}: {own}" if public else own
