from __future__ import annotations

import json
import subprocess

import small_pages
from transmodal.viewing.scripts import data_block, inline, join, object_of, policy_hash

MODULES = (
    "const hidden = 2;\nexport const twice = (x) => hidden * x;\nexport async function wait() {}\n",
    'import { twice, wait } from "./a.mjs";\n\nexport function four() {\n  return twice(2);\n}\nglobalThis.answer = [four(), typeof wait];\n',
)


def test_modules_become_one_plain_script() -> None:
    script = join(MODULES)
    said = subprocess.run(
        [small_pages.find_node(), "-e", f"{script};console.log(JSON.stringify([answer, typeof twice]))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.loads(said) == [[4, "function"], "undefined"]


def test_exports_become_members_of_one_global() -> None:
    script = object_of(
        "let a=1,b=import.meta.url;export{a as Name,b};\n//# sourceMappingURL=x\n", "lib", "Name"
    )
    assert script is not None
    assert "globalThis.lib = {Name: a, b: b}" not in script  # an own name stands by itself
    assert "globalThis.lib = {Name: a, b};" in script
    assert "self.location.href" in script
    assert object_of("export{a};", "lib", "Name") is None
    assert object_of("let Name = 1;", "lib", "Name") is None


def test_nothing_ends_the_element_that_it_stands_in() -> None:
    assert inline('"</script><!--"') == r'"<\/script><\!--"'
    block = data_block({"name": "</script><!--&"})
    assert not set("<>&") & set(block)
    assert json.loads(block) == {"name": "</script><!--&"}


def test_the_policys_word_is_the_scripts_hash() -> None:
    assert policy_hash("") == "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
