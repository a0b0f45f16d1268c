"""Uploads of the real FilePond with policies that the application signs, from a page of another origin."""

import subprocess

import pytest

from conftest import eventually
from support.host import PROGRAM, Host
from support.pages import content

CHUNK = 100_000


@pytest.fixture
def guarded(site, tmp_path):
    """A host that lets in nobody without a policy."""
    keys = {"app": "a key that is known to this test and its host"}
    host = Host(tmp_path, page_origin=site.origin, sections={"authentication": {"policies": {"keys": keys}}})
    yield host
    assert host.stop() == 0


def server(host, *options):
    """FilePond's `server` option with a policy, or without one if there are no options for it."""
    if not options:
        return f"{host.origin}/fp"
    policy = subprocess.run(
        [PROGRAM, "policy", "sign", "--config", host.directory / "fphost.yaml", "--expires", "1h", *options],
        capture_output=True, text=True, check=True).stdout.strip()
    return {"url": f"{host.origin}/fp", "headers": {"Upload-Policy": policy}}


def test_chunks_go_up_with_a_policy_and_are_stored_where_it_says(pond, guarded):
    pond.start(
        server=server(guarded, "--owner", "alice", "--max-size", "350000", "--path", "in/{id}/{name}"),
        chunkUploads=True, chunkSize=CHUNK)
    item = pond.add("film.mp4", 1, 350_000)
    id = pond.uploaded(item)
    assert len(pond.requests("PATCH")) == 4
    assert all("upload-policy" in sent["headers"] for sent in pond.requests())
    upload = guarded.api.get(id)
    assert (upload["state"], upload["owner"], upload["path"]) == ("stored", "alice", f"in/{id}/film.mp4")
    assert guarded.api.content(id) == content(1, 350_000)


@pytest.mark.parametrize("options", [(), ("--max-size", "349999"), ("--type", "image/*"), ("--op", "load")])
def test_without_a_policy_that_allows_it_nothing_goes_up(pond, guarded, options):
    pond.start(server=server(guarded, *options), chunkUploads=True, chunkSize=CHUNK)
    item = pond.add("film.mp4", 1, 350_000)
    eventually(lambda: f"the refusal of {pond.requests()}", lambda: pond.state(item)["status"] == "PROCESSING_ERROR")
    assert all(upload["state"] == "receiving" and upload["received"] == 0 for upload in guarded.api.list())
