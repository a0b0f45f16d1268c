"""The real FilePond through S3Store, with temporary uploads on local disk and in the bucket itself."""

import urllib.error
import urllib.request

import pytest

from conftest import eventually, shorthand
from support.host import Host
from support.pages import content
from support.s3 import S3Server

SIZE = 12_345_678
DATA = content(300, SIZE)
CHUNKS = {"chunkUploads": True}


@pytest.fixture(scope="module")
def s3():
    server = S3Server()
    yield server
    server.close()


def run_host(site, directory, stores):
    host = Host(directory, page_origin=site.origin, stores=stores)
    yield host
    status = host.stop()
    assert status == 0, f"the host ended with status {status}:\n" + "".join(host.log[-50:])


def staged(s3):
    """What is in staging, apart from the mark of its catalog."""
    return [key for key in s3.keys() if "/staging/" in key and not key.endswith("/.fphost-catalog")]


@pytest.fixture(scope="module", params=["staging on local disk", "staging in the bucket"])
def host(request, s3, site, tmp_path_factory):
    name = request.param.split()[-1]
    stores = {"media": s3.store(f"{name}/media")}
    if name == "bucket":
        stores["staging"] = s3.store(f"{name}/staging")
    yield from run_host(site, tmp_path_factory.mktemp("s3"), stores)


def test_a_file_goes_up_in_chunks_below_a_part_is_restored_stored_loaded_and_kept(pond, host, api, s3):
    server = shorthand(host)
    pond.start(server=server, **CHUNKS)
    id = pond.uploaded(pond.add("film.mp4", 300, SIZE, "video/mp4"))
    assert len(pond.requests("PATCH")) == 3
    assert api.content(id) == DATA

    pond.tab.reload()
    (item,) = pond.start(server=server, files=[{"source": id, "options": {"type": "limbo"}}], **CHUNKS)
    assert pond.loaded(item)["name"] == "film.mp4"
    assert pond.bytes(item) == DATA

    path = f"album {id}/Zoë & 100% film.mp4"
    assert api.store(id, path)["state"] == "stored"
    pond.tab.reload()
    (item,) = pond.start(server=server, files=[{"source": id, "options": {"type": "local"}}], **CHUNKS)
    pond.loaded(item)
    assert pond.bytes(item) == DATA

    # What the tools of others find under the key is the file, and it is where the settings say.
    (key,) = [key for key in s3.keys() if key.endswith(f"media/{path}")]
    found = s3.client.get_object(Bucket="browser", Key=key)
    assert found["Body"].read() == DATA
    assert found["ContentType"] == "video/mp4"
    assert s3.aws("s3", "cp", f"s3://browser/{key}", "-") == DATA
    eventually("the temporary objects going away", lambda: not staged(s3))
    assert s3.uploads() == []


def test_undo_removes_the_upload(pond, host, api, s3):
    pond.start(server=shorthand(host), **CHUNKS)
    item = pond.add("regretted.bin", 301, 6_000_000)
    id = pond.uploaded(item)
    pond.click("revert-item-processing")
    pond.gone(item)
    eventually("the upload going away", lambda: api.get(id) is None)
    eventually("the objects going away", lambda: not staged(s3))


def test_a_file_in_one_request_and_an_empty_one_arrive(pond, host, api):
    pond.start(server=shorthand(host))
    picture = pond.uploaded(pond.add("picture.jpg", 302, 300_000, "image/jpeg"))
    empty = pond.uploaded(pond.add("empty.txt", 303, 0, "text/plain"))
    assert api.content(picture) == content(302, 300_000)
    assert api.content(empty) == b""


def test_an_upload_that_is_stopped_half_way_goes_on(pond, host, api):
    pond.start(server=shorthand(host), chunkSize=1_000_000, **CHUNKS)
    item = pond.add("slow.bin", 304, 7_000_000)
    eventually("two chunks", lambda: len(pond.requests("PATCH")) >= 2)
    pond.abort(item)
    pond.process(item)
    assert api.content(pond.uploaded(item)) == content(304, 7_000_000)


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None


def test_a_store_may_hand_out_its_files_itself(s3, site, tmp_path):
    stores = {"media": s3.store("direct/media", downloads="redirect")}
    runner = run_host(site, tmp_path, stores)
    host = next(runner)
    try:
        url = f"{host.origin}/fp/process/"
        boundary = "=====boundary"
        form = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="filepond"; filename="Zoë.txt"\r\n'
            f"Content-Type: text/plain\r\n\r\nHello, S3!\r\n--{boundary}--\r\n"
        ).encode()
        request = urllib.request.Request(
            url, data=form, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"})
        id = urllib.request.urlopen(request, timeout=60).read().decode()
        host.api.store(id, "a/Zoë.txt")
        address = f"{host.origin}/fp/load/?id={id}"

        opener = urllib.request.build_opener(Stay)
        with pytest.raises(urllib.error.HTTPError) as caught:
            opener.open(address, timeout=60)
        assert caught.value.code == 302
        assert caught.value.headers["Location"].startswith(f"{s3.url}/browser/direct/media/a/Zo%C3%AB.txt?")
        assert caught.value.headers["Cache-Control"] == "private, no-store"

        with urllib.request.urlopen(address, timeout=60) as reply:
            assert reply.read() == b"Hello, S3!"
            assert reply.headers["Content-Type"].startswith("text/plain")
            assert reply.headers["Content-Disposition"].endswith("filename*=UTF-8''Zo%C3%AB.txt")
        ranged = urllib.request.Request(address, headers={"Range": "bytes=7-8"})
        with urllib.request.urlopen(ranged, timeout=60) as reply:
            assert (reply.status, reply.read()) == (206, b"S3")
        assert host.api.content(id) == b"Hello, S3!"
    finally:
        with pytest.raises(StopIteration):
            next(runner)
