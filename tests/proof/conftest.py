from __future__ import annotations

import glob
import shutil
from collections.abc import Iterator

import pytest

from tests.proof.cluster import Cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    if not glob.glob("/usr/lib/postgresql/*/bin/initdb") and not shutil.which("initdb"):
        pytest.skip("no PostgreSQL was found")
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()
