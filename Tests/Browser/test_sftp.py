"""Uploads by the real FilePond that end on an SSH server, with temporary uploads on this machine or on that server."""

import os

import pytest

from conftest import endpoints, eventually
from support.host import Host
from support.pages import content
from support.ssh import SSHServer

CHUNKS = {"chunkUploads": True, "chunkSize": 100_000}
PICTURE = content(100, 250_000)
ways = pytest.mark.parametrize("chunks", [{}, CHUNKS], ids=["plain", "chunked"])


@pytest.fixture(scope="module")
def ssh(tmp_path_factory):
    server = SSHServer(tmp_path_factory.mktemp("ssh"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def root(ssh):
    """The directory of the store for what is stored; the one for temporary uploads is beside it."""
    return ssh.directory / "files" / "media"


@pytest.fixture(scope="module", params=["local", "sftp"])
def host(request, site, ssh, root, tmp_path_factory):
    owner = {"uid": "1234", "gid": "5678"} if os.geteuid() == 0 else {}
    stores = {
        "media": {"plugin": "SFTPStore", "options": ssh.options(root, file_mode="0640", dir_mode="0750", **owner)}
    }
    if request.param == "sftp":
        stores["staging"] = {"plugin": "SFTPStore", "options": ssh.options(root.parent / "staging")}
    host = Host(tmp_path_factory.mktemp("host"), page_origin=site.origin, stores=stores)
    yield host
    status = host.stop()
    assert status == 0, f"the host ended with status {status}:\n" + "".join(host.log[-50:])


@pytest.fixture
def server(host):
    """One way to point FilePond at the host: how it is pointed makes no difference to the stores."""
    return lambda origin=None: endpoints(host, origin)


@ways
def test_a_file_goes_up_is_stored_and_read_back_by_sftp(pond, server, api, ssh, root, tmp_path, chunks):
    pond.start(server=server(), **chunks)
    id = pond.uploaded(pond.add("picture.jpg", 100, 250_000, "image/jpeg"))
    assert api.content(id) == PICTURE
    path = f"album/{'chunked' if chunks else 'plain'}/picture.jpg"
    assert api.store(id, path)["path"] == path
    listing = ssh.sftp(f"get {root}/{path} {tmp_path}/back", f"ls -ln {root}/{path}")
    assert (tmp_path / "back").read_bytes() == PICTURE
    lines = [line.split() for line in listing.splitlines() if not line.startswith("sftp>")]
    file = next(words for words in lines if words[-1].endswith("picture.jpg"))
    assert file[0].startswith("-rw-r-----")
    if os.geteuid() == 0:
        assert file[2:4] == ["1234", "5678"]
    assert (root / "album").stat().st_mode & 0o7777 == 0o750


@ways
def test_a_temporary_upload_is_restored_and_undone(pond, server, api, chunks):
    pond.start(server=server(), **chunks)
    id = pond.uploaded(pond.add("holiday.jpg", 100, 250_000, "image/jpeg"))
    pond.tab.reload()
    (item,) = pond.start(server=server(), files=[{"source": id, "options": {"type": "limbo"}}], **chunks)
    assert pond.loaded(item)["name"] == "holiday.jpg"
    assert pond.bytes(item) == PICTURE
    pond.click("revert-item-processing")
    pond.gone(item)
    eventually("the upload going away", lambda: api.get(id) is None)


def test_a_stored_upload_is_loaded_and_deleted(pond, server, api, root):
    pond.start(server=server(), **CHUNKS)
    id = pond.uploaded(pond.add("日本 100%.jpg", 100, 250_000, "image/jpeg"))
    api.store(id, "browser/Zoë & 100%.jpg")
    pond.tab.reload()
    (item,) = pond.start(server=server(), files=[{"source": id, "options": {"type": "local"}}])
    pond.loaded(item)
    assert pond.bytes(item) == PICTURE
    api.delete(id)
    eventually("the file going away", lambda: not (root / "browser").exists())


@pytest.mark.parametrize("after", [2_000, 60_000])
def test_a_connection_cut_inside_a_chunk_is_repeated(pond, server, api, proxy, after):
    pond.start(server=server(proxy.origin), **CHUNKS)
    cut = proxy.cut_request(after)
    id = pond.uploaded(pond.add("cut.jpg", 100, 250_000))
    assert cut.done.is_set()
    assert api.content(id) == PICTURE
