"""Uploads by visitors whom the host knows: a bearer token that the page sends, a password that the browser sends."""

import subprocess

import pytest

from conftest import Pond, endpoints, eventually
from support.host import API, PROGRAM, Host
from support.pages import PageServer, content

CHUNK = 100_000
SIZE = 345_678
PASSWORD = "hunter2-of-ann"
# Of that password, by bcrypt.
HASH = "$2y$05$abcdefghijklmnopqrstuuU54uLhRo2Vp7/UdS4YUGkn86ThJ8A1u"


@pytest.fixture(scope="module")
def guarded(site, tmp_path_factory):
    """A host that knows ann by a password and bob by a token. Pages of the usual site may use both."""
    directory = tmp_path_factory.mktemp("guarded")
    (directory / "htpasswd").write_text(f"ann:{HASH}\n")
    (directory / "htpasswd").chmod(0o600)
    authentication = {"tokens": "./data/tokens", "basic": {"file": "./htpasswd", "realm": "uploads"}}
    host = Host(
        directory, page_origin=site.origin, sections={"authentication": authentication}, credentials=True)
    command = [PROGRAM, "token", "new", "--config", directory / "fphost.yaml", "--owner", "bob"]
    host.bob = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    # The host looks at the file once a second.
    api = API(host.origin, host.bob)
    eventually("bob's token being known", lambda: api.request("GET", "")[0] == 403)
    yield host
    assert host.stop() == 0
    log = "".join(host.log)
    assert PASSWORD not in log and HASH not in log and host.bob[-43:] not in log


def log_in(page, host):
    """Has the browser learn ann's password for the host, as by a link with it."""
    user = host.origin.replace("http://", f"http://ann:{PASSWORD}@")
    answer = page.goto(f"{user}/fp/restore/?id=none")
    assert answer.status == 400, answer.text()


def serve_at(page, origin, site):
    """Has the browser take the site's page for one of another origin."""

    def answer(route):
        found = site.find(route.request.url.removeprefix(origin))
        route.fulfill(status=200, body=found[0], content_type=found[1])

    page.route(lambda url: url.startswith((f"{origin}/index.html", f"{origin}/page.js", f"{origin}/client/",
                                           f"{origin}/bytes/")), answer)
    page.goto(f"{origin}/index.html")


def upload_in_chunks(pond, host, owner, **server):
    pond.start(server={**endpoints(host), **server}, chunkUploads=True, chunkSize=CHUNK)
    item = pond.add("film.mp4", 7, SIZE)
    id = pond.uploaded(item)
    upload = host.api.get(id)
    assert (upload["owner"], upload["state"], upload["size"]) == (owner, "complete", SIZE)
    assert host.api.content(id) == content(7, SIZE)
    assert len(pond.requests("PATCH")) == 4
    return item, id


def test_a_page_of_another_origin_uploads_in_chunks_with_a_token_in_its_headers(pond, guarded):
    headers = {"Authorization": f"Bearer {guarded.bob}"}
    item, id = upload_in_chunks(pond, guarded, "bob", headers=headers)
    pond.click("revert-item-processing")
    eventually("the upload being gone", lambda: guarded.api.get(id) is None)


def test_a_page_sees_that_its_token_is_refused(pond, guarded):
    headers = {"Authorization": "Bearer " + guarded.bob[:-1] + ("A" if guarded.bob[-1] != "A" else "B")}
    pond.start(server={**endpoints(guarded), "headers": headers}, chunkUploads=True, chunkSize=CHUNK)
    item = pond.add("film.mp4", 7, SIZE)
    pond.wait_for(item, "PROCESSING_ERROR")
    # Without CORS fields on the refusal, the status would be 0.
    assert {sent["status"] for sent in pond.requests("POST")} == {401}


def test_a_page_of_the_hosts_own_origin_uploads_in_chunks_with_the_browsers_password(tab, site, guarded):
    log_in(tab, guarded)
    serve_at(tab, guarded.origin, site)
    pond = Pond(tab)
    _, id = upload_in_chunks(pond, guarded, "ann")
    pond.click("revert-item-processing")
    eventually("the upload being gone", lambda: guarded.api.get(id) is None)


def test_a_page_of_an_origin_that_is_named_uploads_in_chunks_with_the_browsers_password(tab, site, guarded):
    log_in(tab, guarded)
    tab.goto(site.origin + "/")
    # FilePond has no such option for all of them at once.
    actions = ["process", "patch", "revert"]
    server = {action: {"url": endpoints(guarded)[action], "withCredentials": True} for action in actions}
    pond = Pond(tab)
    _, id = upload_in_chunks(pond, guarded, "ann", **server)
    pond.click("revert-item-processing")
    eventually("the upload being gone", lambda: guarded.api.get(id) is None)


def test_a_page_of_an_origin_that_is_not_named_cannot_use_the_browsers_password(tab, guarded):
    stranger = PageServer()
    log_in(tab, guarded)
    tab.goto(stranger.origin + "/")
    before = {upload["id"] for upload in guarded.api.list()}
    # A form, which browsers send wherever a page wants it to go, with the password of the place.
    sent = """async url => {
        const form = new FormData();
        form.append("filepond", new File(["stolen"], "stolen.txt"));
        const answer = await fetch(url, {method: "POST", body: form, mode: "no-cors", credentials: "include"});
        return [answer.type, answer.status];
    }"""
    assert tab.evaluate(sent, f"{guarded.origin}/fp/process/") == ["opaque", 0]
    eventually("the refusal", lambda: any("POST /fp/process/ 403" in line for line in guarded.log))
    read = """async url => {
        try {
            return (await fetch(url, {credentials: "include"})).status;
        } catch {
            return "nothing";
        }
    }"""
    assert tab.evaluate(read, f"{guarded.origin}/fp/restore/?id=none") == "nothing"
    assert {upload["id"] for upload in guarded.api.list()} == before
    stranger.close()
