"""Revert, restore, load and fetch by the real FilePond, from a page of another origin."""

import pytest
from playwright.sync_api import Error

from conftest import eventually
from support.pages import content

CHUNK = 100_000
PICTURE = content(100, 250_000)


@pytest.mark.parametrize("chunks", [{}, {"chunkUploads": True, "chunkSize": CHUNK}], ids=["plain", "chunked"])
def test_undo_removes_the_upload(pond, server, api, chunks):
    pond.start(server=server(), **chunks)
    item = pond.add("regretted.jpg", 100, 250_000)
    id = pond.uploaded(item)
    assert api.content(id) == PICTURE
    pond.click("revert-item-processing")
    pond.gone(item)
    eventually("the upload going away", lambda: api.get(id) is None)


def test_removing_a_file_that_the_application_stored_leaves_it_there(pond, server, api):
    pond.start(server=server(), chunkUploads=True, chunkSize=CHUNK)
    item = pond.add("kept.jpg", 100, 250_000)
    id = pond.uploaded(item)
    api.store(id, "browser/kept.jpg")
    pond.forget_requests()
    pond.remove(item)
    pond.gone(item)
    # In chunk mode FilePond sends this DELETE for every file that leaves the pond.
    (revert,) = eventually("the DELETE and its answer", lambda: answered(pond, "DELETE"))
    assert revert["status"] // 100 == 2
    assert api.get(id)["state"] == "stored"
    assert api.content(id) == PICTURE


@pytest.mark.parametrize("chunks", [{}, {"chunkUploads": True, "chunkSize": CHUNK}], ids=["plain", "chunked"])
def test_a_temporary_upload_is_restored_after_a_reload(pond, server, api, chunks):
    pond.start(server=server(), **chunks)
    id = pond.uploaded(pond.add("holiday.jpg", 100, 250_000, "image/jpeg"))

    pond.tab.reload()
    (item,) = pond.start(server=server(), files=[{"source": id, "options": {"type": "limbo"}}], **chunks)
    state = pond.loaded(item)
    assert (state["status"], state["name"], state["size"]) == ("PROCESSING_COMPLETE", "holiday.jpg", 250_000)
    pond.wait_for_value(id)
    assert pond.bytes(item) == PICTURE

    # A restored upload can still be undone.
    pond.click("revert-item-processing")
    pond.gone(item)
    eventually("the upload going away", lambda: api.get(id) is None)


@pytest.mark.parametrize(
    "name", ["logo@2x.png", "a, b; c= d.jpg", "what (now)? #1 & O'Neil.jpg", "100% 日本.jpg"]
)
def test_a_file_is_shown_by_its_own_name_when_it_comes_back(pond, server, name):
    pond.start(server=server())
    id = pond.uploaded(pond.add(name, 100, 250_000, "image/jpeg"))
    pond.tab.reload()
    (item,) = pond.start(server=server(), files=[{"source": id, "options": {"type": "limbo"}}])
    assert pond.loaded(item)["name"] == name


def test_restoring_what_is_not_there_shows_an_error(pond, server):
    (item,) = pond.start(server=server(), files=[{"source": "A" * 22, "options": {"type": "limbo"}}])
    pond.wait_for(item, "LOAD_ERROR")
    assert [sent["status"] for sent in pond.requests()] == [404]


@pytest.mark.parametrize("source", ["id", "path"])
def test_a_stored_upload_is_loaded(pond, server, api, source):
    pond.start(server=server())
    id = pond.uploaded(pond.add("日本 100%.jpg", 100, 250_000, "image/jpeg"))
    stored = api.store(id, "browser/album/Zoë & 100%.jpg")
    assert (stored["state"], stored["store"], stored["path"]) == ("stored", "media", "browser/album/Zoë & 100%.jpg")

    pond.tab.reload()
    (item,) = pond.start(server=server(), files=[{"source": stored[source], "options": {"type": "local"}}])
    state = pond.loaded(item)
    assert state["size"] == 250_000
    pond.wait_for_value(stored[source])
    assert pond.bytes(item) == PICTURE


@pytest.mark.parametrize(
    "fetch",
    [{"url": "/fetch/?target="}, {"url": "/fetch/", "method": "POST"}, {"method": "POST"}],
    ids=["GET", "POST", "POST to the one URL"],
)
def test_a_remote_file_is_fetched_through_the_host_and_uploaded_back(pond, host, api, remote, fetch):
    remote.files["/pictures/a b.jpg"] = (PICTURE, "image/jpeg")
    pond.start(server={"url": f"{host.origin}/fp", "fetch": fetch})
    item = pond.add_source(f"{remote.origin}/pictures/a%20b.jpg")
    id = pond.uploaded(item)
    assert api.content(id) == PICTURE
    assert pond.state(item)["type"] == "image/jpeg"
    assert_only_the_host_asked(remote)


def test_a_remote_file_is_fetched_by_the_host_alone(pond, host, api, remote):
    remote.files["/pictures/remote.jpg"] = (PICTURE, "image/jpeg")
    pond.start(server={"url": f"{host.origin}/fp", "fetch": {"url": "/fetch/?target=", "method": "HEAD"}})
    item = pond.add_source(f"{remote.origin}/pictures/remote.jpg")
    state = pond.wait_for(item, "PROCESSING_COMPLETE")
    upload = api.get(state["serverId"])
    assert (upload["state"], upload["name"], upload["size"]) == ("complete", "remote.jpg", 250_000)
    assert api.content(upload["id"]) == PICTURE
    # The bytes never went through the browser.
    assert [sent["method"] for sent in pond.requests()] == ["HEAD"]
    assert_only_the_host_asked(remote)


def test_a_remote_file_is_fetched_through_the_one_url(pond, server, api, remote):
    remote.files["/pictures/remote.jpg"] = (PICTURE, "image/jpeg")
    pond.start(server=server())
    item = pond.add_source(f"{remote.origin}/pictures/remote.jpg")
    assert api.content(pond.uploaded(item)) == PICTURE
    assert pond.state(item)["name"] == "remote.jpg"


def test_a_remote_file_that_is_not_there_leaves_nothing(pond, server, api, remote):
    before = len(api.list())
    pond.start(server=server())
    with pytest.raises(Error):
        pond.add_source(f"{remote.origin}/missing.jpg")
    (sent,) = pond.requests()
    assert sent["status"] == 404
    assert len(api.list()) == before


def assert_only_the_host_asked(remote):
    assert remote.requests
    assert not [agent for _, _, agent in remote.requests if "Mozilla" in agent]


def answered(pond, method):
    return [sent for sent in pond.requests(method) if sent["status"] is not None]
