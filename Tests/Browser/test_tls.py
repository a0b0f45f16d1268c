"""FilePond in Chromium with a host that speaks TLS."""

import re
import subprocess

import pytest

from conftest import SECONDS, Pond, eventually
from support.host import Host
from support.pages import content


@pytest.fixture(scope="module")
def encrypted(site, tmp_path_factory):
    """A host with a self-signed certificate; the application reaches it in the clear."""
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True, timeout=60)
    server = {
        "listen": ["127.0.0.1:0", "https://127.0.0.1:0"],
        "tls": {"certificate": str(certificate), "key": str(key)},
        "cors": {"origins": [site.origin]},
    }
    host = Host(directory, page_origin=site.origin, sections={"server": server})
    found = eventually(
        "the host listening for TLS", lambda: re.search(r"listening on (https://[^\s\"/]+)", "".join(host.log)))
    host.encrypted_origin = found[1]
    yield host
    assert host.stop() == 0


@pytest.fixture
def secure_pond(chromium, site):
    """A pond in a browser profile that takes any certificate."""
    context = chromium.new_context(ignore_https_errors=True)
    context.set_default_timeout(SECONDS * 1000)
    page = context.new_page()
    page.goto(site.origin + "/")
    yield Pond(page)
    context.close()


def test_files_go_up_whole_and_in_chunks_and_come_back_over_tls(secure_pond, encrypted):
    server = f"{encrypted.encrypted_origin}/fp"
    for seed, options in enumerate([{}, {"chunkUploads": True, "chunkSize": 1_000_000}], 70):
        secure_pond.start(server=server, **options)
        id = secure_pond.uploaded(secure_pond.add("film.mp4", seed, 5_234_567))
        assert encrypted.api.content(id) == content(seed, 5_234_567)
        assert all(sent["url"].startswith(server) for sent in secure_pond.requests())
        secure_pond.tab.reload()
        (restored,) = secure_pond.start(server=server, files=[{"source": id, "options": {"type": "limbo"}}])
        secure_pond.loaded(restored)
        assert secure_pond.bytes(restored) == content(seed, 5_234_567)
        secure_pond.tab.reload()
