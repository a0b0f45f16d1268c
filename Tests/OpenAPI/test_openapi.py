"""The OpenAPI document, and a host that is asked everything that it describes."""

import json
import os
import pathlib
import subprocess
import sys
import urllib.request

import pytest
from openapi_spec_validator import validate

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Browser"))

from support.host import Host  # noqa: E402


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    host = Host(tmp_path_factory.mktemp("host"), page_origin="https://app.test")
    yield host
    status = host.stop()
    assert status == 0, f"the host ended with status {status}:\n" + "".join(host.log[-50:])


def upload(host, content):
    """The id of a new temporary upload."""
    boundary = "boundary"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="filepond"; filename="a.txt"\r\n\r\n'.encode()
        + content + f"\r\n--{boundary}--\r\n".encode())
    request = urllib.request.Request(
        f"{host.origin}/fp/process/", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read().decode()


def announced(host, length):
    """The id of an upload that is to come in chunks."""
    request = urllib.request.Request(
        f"{host.origin}/fp/process/", b"", {"Upload-Length": str(length)}, method="POST")
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read().decode()


def test_the_document_is_one_of_openapi(host):
    with urllib.request.urlopen(f"{host.origin}/api/v1/openapi.json", timeout=60) as response:
        validate(json.load(response))


def test_the_host_answers_as_the_document_says(host, tmp_path):
    """A fixed seed and a fixed number of requests, some of them with uploads that there are."""
    temporary = [upload(host, b"temporary") for _ in range(10)]
    stored = [upload(host, b"stored") for _ in range(10)]
    for id in stored:
        host.api.store(id, f"kept/{id}.txt")
    ids = temporary + stored + [announced(host, 100) for _ in range(10)]
    configuration = (HERE / "schemathesis.toml").read_text()
    configuration += f"\n[dictionaries.ids]\nvalues = {json.dumps(ids)}\n[dictionaries.urls]\nvalues = "
    configuration += json.dumps([f"{host.origin}/healthz", "http://127.0.0.1:1/", "http://192.0.2.1/"])
    for parameter in ("path.id", "query.id", "query.patch", "query.revert", "query.load", "query.restore", "path.source"):
        configuration += f'\n[parameters."{parameter}"]\ndictionary = "ids"\nprobability = 0.7\n'
    for parameter in ("path.target", "query.target", "query.fetch"):
        configuration += f'\n[parameters."{parameter}"]\ndictionary = "urls"\nprobability = 0.7\n'
    (tmp_path / "schemathesis.toml").write_text(configuration)
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", tmp_path / "schemathesis.toml", "run",
         f"{host.origin}/api/v1/openapi.json", "--header", f"Authorization: Bearer {host.api.token}"],
        cwd=tmp_path, env={**os.environ, "NO_PROXY": "*"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-20_000:]
