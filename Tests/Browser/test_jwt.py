"""FilePond with JSON Web Tokens, as docs/access.md tells pages to send them."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from support.host import Host
from support.pages import content

SECRET = "a secret of the browser tests, long enough"


def token(owner, lives=600):
    """A token by HS256 (RFC 7515, appendix A.1), good for so many seconds."""
    claims = {"sub": owner, "exp": int(time.time()) + lives}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "HS256"}, claims)]
    signature = hmac.digest(SECRET.encode(), b".".join(parts), hashlib.sha256)
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


@pytest.fixture(scope="module")
def guarded(site, tmp_path_factory):
    """A host that knows visitors by their tokens."""
    sections = {"authentication": {"jwt": {"secret": SECRET}}}
    host = Host(tmp_path_factory.mktemp("jwt"), page_origin=site.origin, sections=sections)
    yield host
    assert host.stop() == 0


def start(pond, host, tokens):
    """Makes a pond that sends the first of the tokens with its first request, and so on, and the last with the rest."""
    pond.tab.evaluate(
        """([url, tokens]) => bench.start({
            server: {
                url,
                headers: {
                    get Authorization() {
                        return "Bearer " + tokens[Math.min(bench.requests.length, tokens.length - 1)];
                    },
                },
            },
            chunkUploads: true,
            chunkSize: 100_000,
        })""",
        [f"{host.origin}/fp", tokens])


def test_a_token_that_expires_during_an_upload_in_chunks_is_followed_by_the_next(pond, guarded):
    tokens = [token("alice"), token("alice", 601), token("alice", -60), token("alice", 602), token("alice", 603)]
    start(pond, guarded, tokens)
    item = pond.add("film.mp4", 7, 456_789)
    id = pond.uploaded(item)
    sent = pond.requests()
    assert [request["status"] for request in sent[:4]] == [200, 200, 401, 200]
    assert [request["headers"]["authorization"] for request in sent[:4]] == [f"Bearer {text}" for text in tokens[:4]]
    upload = guarded.api.get(id)
    assert upload["owner"] == "alice"
    assert guarded.api.content(id) == content(7, 456_789)


def test_without_a_good_token_nothing_is_uploaded(pond, guarded):
    before = len(guarded.api.list())
    start(pond, guarded, [token("alice", -60)])
    item = pond.add("film.mp4", 8, 456_789)
    pond.wait_for(item, "PROCESSING_ERROR")
    assert {request["status"] for request in pond.requests()} == {401}
    assert len(guarded.api.list()) == before
