import os
import pathlib
import subprocess

import pytest
from served import ROOT


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """What `make install` puts into an empty prefix of its own."""
    prefix = tmp_path_factory.mktemp("installed") / "prefix"
    subprocess.run([ROOT / "scripts/install", "", prefix, prefix / "etc"], cwd=ROOT, check=True)
    return prefix


@pytest.fixture(scope="session")
def debian():
    """The Debian that scripts/test-packages made."""
    if not (root := os.environ.get("FPHOST_TEST_ROOT")):
        pytest.exit("these tests need a Debian to be tested in; run `make test-packages`", returncode=2)
    return pathlib.Path(root)
