"""The pages of threats and promises name tests that are there."""

from __future__ import annotations

import re

import pytest

from contentflow.config import ROOT


@pytest.mark.parametrize("page", ["threats", "promises"])
def test_each_test_that_a_page_names_is_there(page: str):
    rows = [line for line in (ROOT / "docs" / f"{page}.md").read_text().splitlines() if line.startswith("| ")]
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", "\n".join(rows))

    assert [row for row in rows[1:] if "::test_" not in row and "no test yet" not in row] == []
    missing = [
        name
        for path, name in named
        if not (ROOT / path).is_file() or f"def {name}(" not in (ROOT / path).read_text()
    ]
    assert missing == []
