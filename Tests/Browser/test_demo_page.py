"""The host's own page, as a visitor uses it: same origin, under the policy that the host sends."""

import re

import pytest
from playwright.sync_api import expect

from conftest import eventually
from support.pages import content

PICTURE = content(200, 40_000)
FILM = content(201, 11_000_000)


@pytest.fixture
def page(tab, host, api):
    """The page, freshly opened. What the browser complains about fails the test, except for answers: those are
    what a test looks at."""
    complaints = []

    def hear(message):
        if message.type == "error" and not message.text.startswith("Failed to load resource: the server responded"):
            complaints.append(message.text)

    tab.on("console", hear)
    tab.goto(host.origin + "/")
    expect(tab.locator(".filepond--root")).to_be_visible()
    yield tab
    assert not complaints, "\n".join(complaints)


def choose(page, name, data, kind="application/octet-stream"):
    page.locator(".filepond--browser").set_input_files({"name": name, "mimeType": kind, "buffer": data})


def row(page, name):
    return page.locator("#uploads tbody tr").filter(has=page.get_by_text(name, exact=True))


def only(api, name):
    (upload,) = [upload for upload in api.list() if upload["name"] == name]
    return upload


def test_an_upload_is_listed_stored_loaded_and_deleted(page, api):
    choose(page, "report 1.bin", PICTURE)
    listed = row(page, "report 1.bin")
    expect(listed.locator(".state")).to_have_text("complete")
    expect(listed).to_contain_text("40 KB")
    assert api.content(only(api, "report 1.bin")["id"]) == PICTURE

    listed.get_by_role("button", name="Store").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Path in the store")).to_have_value("demo/report 1.bin")
    dialog.get_by_role("button", name="Store").click()
    expect(dialog).to_be_hidden()
    expect(listed.locator(".state")).to_have_text("stored")
    expect(listed).to_contain_text("demo/report 1.bin in media")
    # The application has it now: FilePond no longer offers to undo.
    expect(page.locator(".filepond--item")).to_have_count(0)

    with page.expect_download() as download:
        listed.get_by_role("link", name="Load").click()
    with open(download.value.path(), "rb") as file:
        assert file.read() == PICTURE
    assert download.value.suggested_filename == "report 1.bin"

    listed.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("report 1.bin")
    dialog.get_by_role("button", name="Delete").click()
    expect(listed).to_have_count(0)
    assert "report 1.bin" not in [upload["name"] for upload in api.list()]


def test_a_path_that_is_taken_is_refused_with_the_reason(page, api):
    choose(page, "first.bin", b"first")
    expect(row(page, "first.bin").locator(".state")).to_have_text("complete")
    api.store(only(api, "first.bin")["id"], "demo/taken.bin")
    choose(page, "second.bin", b"second")
    row(page, "second.bin").get_by_role("button", name="Store").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Path in the store").fill("demo/taken.bin")
    with page.expect_response(re.compile("/store$")) as answer:
        dialog.get_by_role("button", name="Store").click()
    assert answer.value.status == 409
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    dialog.get_by_label("Path in the store").fill("demo/free.bin")
    dialog.get_by_role("button", name="Store").click()
    expect(dialog).to_be_hidden()
    assert api.content(only(api, "second.bin")["id"]) == b"second"


def test_a_large_file_goes_up_in_chunks_and_is_undone(page, api):
    sent = []
    page.on("request", lambda request: sent.append(request.method))
    choose(page, "film.mp4", FILM, "video/mp4")
    expect(row(page, "film.mp4").locator(".state")).to_have_text("complete")
    assert sent.count("PATCH") == 3
    assert api.content(only(api, "film.mp4")["id"]) == FILM
    page.locator(".filepond--action-revert-item-processing").click()
    expect(row(page, "film.mp4")).to_have_count(0)


def test_temporary_uploads_are_back_after_a_reload(page, api):
    choose(page, "first.bin", PICTURE)
    expect(row(page, "first.bin").locator(".state")).to_have_text("complete")
    # It is remembered once FilePond too counts it as uploaded.
    expect(page.locator("[data-filepond-item-state=processing-complete]")).to_have_count(1)
    page.reload()
    expect(page.locator("[data-filepond-item-state=processing-complete]")).to_have_count(1)
    expect(page.locator(".filepond--file-info-main")).to_have_text("first.bin")
    page.locator(".filepond--action-revert-item-processing").click()
    expect(row(page, "first.bin")).to_have_count(0)
    page.reload()
    expect(page.locator(".filepond--root")).to_be_visible()
    expect(page.locator(".filepond--item")).to_have_count(0)


def test_a_url_is_fetched_by_the_host(page, api, remote):
    remote.files["/far away.jpg"] = (PICTURE, "image/jpeg")
    page.get_by_label("Or let the server fetch a URL").fill(f"{remote.origin}/far%20away.jpg")
    page.get_by_role("button", name="Fetch").click()
    expect(row(page, "far away.jpg").locator(".state")).to_have_text("complete")
    assert api.content(only(api, "far away.jpg")["id"]) == PICTURE


def test_what_other_clients_do_shows_up_by_itself(page, pond_elsewhere, api, host):
    item = pond_elsewhere.add("elsewhere.bin", 5, 1000)
    id = pond_elsewhere.uploaded(item)
    expect(row(page, "elsewhere.bin").locator(".state")).to_have_text("complete")
    api.delete(id)
    expect(row(page, "elsewhere.bin")).to_have_count(0)


def test_a_change_needs_the_header_of_the_page(page, api, host):
    """A page of another origin can make a visitor's browser send simple requests, so these must not do."""
    choose(page, "safe.bin", b"safe")
    expect(row(page, "safe.bin").locator(".state")).to_have_text("complete")
    id = only(api, "safe.bin")["id"]
    answer = page.request.delete(f"{host.origin}/demo/uploads/{id}")
    assert answer.status == 403
    assert api.get(id)["state"] == "complete"


def test_a_refusal_is_shown_in_the_words_of_the_host(page, host):
    """The host's own sentence, not FilePond's general one."""
    page.route("**/fp/process/", lambda route: route.fulfill(status=413, body='{"detail": "Too large for the test."}'))
    choose(page, "refused.bin", b"refused")
    expect(page.locator(".filepond--file-status-main")).to_have_text("Too large for the test.")
