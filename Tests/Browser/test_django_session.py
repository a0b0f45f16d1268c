"""Examples/django-session: the login of a Django project protects fphost, in a browser."""

import pytest
from playwright.sync_api import expect

from conftest import SECONDS, eventually
from support.django import PASSWORD, Example
from support.pages import content

FILM = content(300, 11_000_000)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    example = Example(tmp_path_factory.mktemp("django"), "alice", "bob", "zoë")
    yield example
    status = example.stop()
    assert status == 0, f"the host ended with status {status}:\n" + "".join(example.host.log[-50:])


@pytest.fixture
def profile(chromium):
    """Makes browser profiles, each with a tab."""
    contexts = []

    def make():
        context = chromium.new_context()
        context.set_default_timeout(SECONDS * 1000)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def logged_in(example, profile):
    def log_in(user):
        tab = profile()
        tab.goto(example.origin + "/")
        tab.get_by_label("Username").fill(user)
        tab.get_by_label("Password").fill(PASSWORD)
        tab.get_by_role("button", name="Log in").click()
        expect(tab.locator(".filepond--root")).to_be_visible()
        return tab

    return log_in


def send(tab, example, method, path, token=None, body=None, headers=None):
    """The status of a request that the page in the tab makes with the visitor's cookies; 0 if it may not see one."""
    return tab.evaluate(
        """async ([url, method, token, body, headers]) => {
            headers = { ...headers, ...(token && { "X-CSRFToken": document.querySelector("#pond").dataset.token }) };
            const options = { method, credentials: "include", headers };
            if (body === "form") {
              options.body = new FormData();
              options.body.append("filepond", new File(["forged"], "forged.txt"));
            } else if (body !== null) options.body = body;
            try {
              return (await fetch(url, options)).status;
            } catch {
              return 0;
            }
        }""",
        [f"{example.host.origin}/fp{path}", method, token, body, headers or {}],
    )


def choose(tab, name, data):
    tab.locator(".filepond--browser").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": data})


def uploaded(tab):
    """The id of the only upload in the tab, once FilePond counts it as uploaded."""
    expect(tab.locator("[data-filepond-item-state=processing-complete]")).to_have_count(1)
    value = tab.locator(".filepond--data input")
    expect(value).not_to_have_value("")
    return value.input_value()


def test_a_user_uploads_in_chunks_and_takes_back_what_no_other_user_may_touch(example, logged_in):
    alice = logged_in("alice")
    sent = []
    alice.on("request", lambda request: sent.append(request.method))
    choose(alice, "film.mp4", FILM)
    id = uploaded(alice)
    assert sent.count("PATCH") == 3
    upload = example.host.api.get(id)
    assert (upload["state"], upload["owner"], upload["size"]) == ("complete", "alice", len(FILM))
    assert example.host.api.content(id) == FILM
    assert set(example.questions()) == {"204"}

    bob = logged_in("bob")
    chunk = {"Upload-Offset": "0", "Upload-Length": str(len(FILM)), "Content-Type": "application/offset+octet-stream"}
    assert send(bob, example, "GET", f"/restore/?id={id}") == 403
    assert send(bob, example, "PATCH", f"/patch/?id={id}", True, "forged", chunk) == 403
    assert send(bob, example, "DELETE", "/revert/", True, id) == 403
    assert example.host.api.content(id) == FILM

    assert send(alice, example, "GET", f"/restore/?id={id}") == 200
    alice.locator(".filepond--action-revert-item-processing").click()
    expect(alice.locator(".filepond--item")).to_have_count(0)
    eventually("the upload to be gone", lambda: example.host.api.get(id) is None)


def test_whoever_is_logged_out_may_do_nothing(example, logged_in, profile):
    tab = logged_in("zoë")
    choose(tab, "small.bin", b"small")
    id = uploaded(tab)
    # A name beyond ASCII, as the project's view writes it.
    assert example.host.api.get(id)["owner"] == "zo%C3%AB"
    session = [cookie for cookie in tab.context.cookies() if cookie["name"] == "sessionid"]
    tab.get_by_role("button", name="Log out").click()
    expect(tab.get_by_label("Username")).to_be_visible()
    assert send(tab, example, "POST", "/process/", body="form") == 401
    assert send(tab, example, "GET", f"/restore/?id={id}") == 401
    assert send(tab, example, "DELETE", "/revert/", body=id) == 401
    # Who kept the cookie has no more of it.
    tab.context.add_cookies(session)
    assert send(tab, example, "GET", f"/restore/?id={id}") == 401

    stranger = profile()
    stranger.goto(example.origin + "/")
    assert send(stranger, example, "POST", "/process/", body="form") == 401
    assert example.host.api.get(id)["state"] == "complete"


def test_a_page_of_another_origin_cannot_act_for_a_user(example, logged_in, site):
    tab = logged_in("alice")
    choose(tab, "mine.bin", b"mine")
    id = uploaded(tab)
    before = len(example.host.api.list())
    # Even of the page's own requests, those without the token of Django's are refused.
    assert send(tab, example, "POST", "/process/", body="form") == 403
    eventually("Django's refusal", lambda: example.questions()[-1:] == ["403"])
    asked = len(example.questions())
    tab.goto(site.origin + "/")
    assert send(tab, example, "POST", "/process/", body="form") == 0
    # The ports of an address share cookies, so the session came along: a stranger would have been a 401 to Django.
    eventually("Django's refusal", lambda: example.questions()[asked:] == ["403"])
    assert send(tab, example, "DELETE", "/revert/", body=id) == 0
    assert send(tab, example, "GET", f"/restore/?id={id}") == 0
    assert len(example.host.api.list()) == before
    assert example.host.api.get(id)["state"] == "complete"


def test_what_a_user_has_stored_no_other_user_loads(example, logged_in):
    alice = logged_in("alice")
    choose(alice, "letter.bin", b"letter")
    id = uploaded(alice)
    example.host.api.store(id, "letters/alice.bin")
    bob = logged_in("bob")
    for tab, by_id, by_path in [(alice, 200, 200), (bob, 403, 404)]:
        assert send(tab, example, "GET", f"/load/?id={id}") == by_id
        assert send(tab, example, "GET", "/load/?id=letters/alice.bin") == by_path


def test_the_permission_classes_of_the_project_decide_by_endpoint(example, logged_in, remote):
    tab = logged_in("alice")
    assert send(tab, example, "GET", f"/fetch/?target={remote.origin}/x") == 403
