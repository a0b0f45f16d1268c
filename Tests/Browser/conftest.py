import base64
import os
import time

import pytest
from playwright.sync_api import expect, sync_playwright

from support.host import CLIENT, PROGRAM, Host
from support.pages import PageServer, RemoteSite
from support.proxy import Proxy

# A deadline, not a wait: what comes at once costs nothing, and a busy machine is no failure.
SECONDS = 60
expect.set_options(timeout=SECONDS * 1000)

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def eventually(what, condition, seconds=SECONDS):
    """The first true value of `condition`, asked again until then; `what`, a text or what makes one, says what for."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what() if callable(what) else what}: not within {seconds} s")
        time.sleep(0.02)
    return value


@pytest.fixture(scope="session")
def site():
    server = PageServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def host(site, tmp_path_factory):
    if not PROGRAM.is_file() or not (CLIENT / "filepond.min.js").is_file():
        pytest.exit(f"missing {PROGRAM} or the client in {CLIENT}; run `make setup-test build`", returncode=2)
    host = Host(tmp_path_factory.mktemp("host"), page_origin=site.origin)
    yield host
    status = host.stop()
    assert status == 0, f"the host ended with status {status}:\n" + "".join(host.log[-50:])


@pytest.fixture
def api(host):
    """The application API; what a test leaves behind is deleted after it."""
    before = {upload["id"] for upload in host.api.list()}
    yield host.api
    for upload in host.api.list():
        if upload["id"] not in before:
            host.api.delete(upload["id"])


@pytest.fixture
def remote():
    server = RemoteSite()
    yield server
    server.close()


@pytest.fixture
def proxy(host):
    address, port = host.origin.removeprefix("http://").split(":")
    proxy = Proxy((address, int(port)))
    yield proxy
    proxy.close()


@pytest.fixture(scope="session")
def chromium():
    # Chromium's own sandbox does not work as root, which is what containers run as.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium):
    """A page of a browser profile of its own. An error in the page fails the test."""
    context = chromium.new_context()
    context.set_default_timeout(SECONDS * 1000)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors, "errors in the page:\n" + "\n".join(errors)


class Pond:
    """FilePond in a tab, on a page of another origin than the host's."""

    def __init__(self, tab):
        self.tab = tab

    def start(self, **options):
        """Makes the pond, and returns the items that it begins with."""
        return self.tab.evaluate("options => (bench.start(options), bench.first())", options)

    def add(self, name, seed, size, type=""):
        """Adds a file of the bytes `content(seed, size)`."""
        return self.tab.evaluate("spec => bench.add(spec)", {"name": name, "seed": seed, "size": size, "type": type})

    def add_source(self, source):
        return self.tab.evaluate("source => bench.addSource(source)", source)

    def set_metadata(self, item, key, value):
        self.tab.evaluate("([id, key, value]) => bench.item(id).setMetadata(key, value)", [item, key, value])

    def process(self, item):
        """Starts or resumes the upload of an item, and does not wait for its end."""
        self.tab.evaluate("id => void bench.pond.processFile(id).catch(() => {})", item)

    def abort(self, item):
        """Stops the upload of an item, and keeps the item."""
        self.tab.evaluate("id => void bench.item(id).abortProcessing()", item)

    def remove(self, item):
        self.tab.evaluate("id => void bench.pond.removeFile(id)", item)

    def click(self, action):
        """Clicks one of FilePond's own buttons, such as `revert-item-processing`."""
        self.tab.locator(f".filepond--action-{action}").click()

    def state(self, item):
        return self.tab.evaluate("id => bench.state(id)", item)

    def bytes(self, item):
        return base64.b64decode(self.tab.evaluate("id => bench.bytes(id)", item))

    def requests(self, method=None):
        """What FilePond sent since the last call of `forget_requests`, without the loads of the page itself."""
        return [sent for sent in self.tab.evaluate("bench.requests") if method in (None, sent["method"])]

    def forget_requests(self):
        self.tab.evaluate("bench.requests.length = 0")

    def wait_for(self, item, status, seconds=SECONDS):
        def reached():
            state = self.state(item)
            if state and state["status"] != status and state["status"].endswith("_ERROR"):
                pytest.fail(f"wanted {status}, but the item is {state}; requests: {self.requests()}")
            return state and state["status"] == status and state

        return eventually(
            lambda: f"{self.state(item)} reaching {status} after {self.requests()}", reached, seconds)

    def loaded(self, item, seconds=SECONDS):
        """The state of an item once its bytes came from the server; until then it has a status, but no file."""

        def reached():
            state = self.state(item)
            if state["status"] == "LOAD_ERROR":
                pytest.fail(f"the item did not load: {state}; requests: {self.requests()}")
            return state["loaded"] and state

        return eventually(lambda: f"{self.state(item)} being loaded by {self.requests()}", reached, seconds)

    def uploaded(self, item, seconds=SECONDS):
        """The server's id of the item, once FilePond counts it as uploaded."""
        return self.wait_for(item, "PROCESSING_COMPLETE", seconds)["serverId"]

    def wait_for_value(self, value):
        """Waits until a form around the pond would send this value alone."""
        eventually(f"the form's value {value}", lambda: self.tab.evaluate("bench.values()") == [value])

    def gone(self, item):
        return eventually(f"item {item} leaving the pond", lambda: self.state(item) is None)


@pytest.fixture
def pond(tab, site):
    tab.goto(site.origin + "/")
    return Pond(tab)


def endpoints(host, origin=None):
    """FilePond's `server` option with every endpoint spelled out."""
    return {
        "url": f"{origin or host.origin}/fp",
        "process": "/process/",
        "patch": "/patch/",
        "revert": "/revert/",
        "load": "/load/?id=",
        "restore": "/restore/?id=",
        "fetch": "/fetch/?target=",
    }


def shorthand(host, origin=None):
    """FilePond's `server` option as one URL."""
    return f"{origin or host.origin}/fp"


@pytest.fixture(params=[endpoints, shorthand], ids=["endpoints", "one-url"])
def server(request, host):
    """Both ways to point FilePond at the host: called with an origin, or with nothing for the host's own."""
    return lambda origin=None: request.param(host, origin)


@pytest.fixture
def pond_elsewhere(chromium, site, host):
    """A pond of somebody else, in a browser profile of its own."""
    context = chromium.new_context()
    context.set_default_timeout(SECONDS * 1000)
    page = context.new_page()
    page.goto(site.origin + "/")
    pond = Pond(page)
    pond.start(server=shorthand(host))
    yield pond
    context.close()
