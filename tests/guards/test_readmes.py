"""The French README follows the English one."""

from __future__ import annotations

import re

from contentflow.config import ROOT

BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def test_both_readmes_have_the_same_code_blocks_and_as_many_headings():
    english, french = ((ROOT / name).read_text() for name in ("README.md", "README.fr.md"))

    assert BLOCK.findall(french) == BLOCK.findall(english)
    levels = [re.findall(r"^#+(?= )", BLOCK.sub("", text), re.MULTILINE) for text in (english, french)]
    assert levels[0] == levels[1]


def test_each_readme_leads_to_the_other():
    assert "](README.fr.md)" in (ROOT / "README.md").read_text()
    assert "](README.md)" in (ROOT / "README.fr.md").read_text()
