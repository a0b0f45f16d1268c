import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The application API's client is that of the browser tests.
sys.path.insert(0, str(ROOT / "Tests/Browser"))


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
