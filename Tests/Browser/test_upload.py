"""Uploads by the real FilePond from a page of another origin: what it sent is what the application gets."""

import pytest

from conftest import SECONDS, eventually
from support.pages import content

CHUNK = 100_000

NAMES = [
    'say "hi".txt',
    "100%.jpg",
    "50%25 off.txt",
    "it's; a=b, c.txt",
    "日本語の写真.jpg",
    "party 🎉👩‍👩‍👧.png",
    "Zoë's naïve résumé.pdf",
]


def uploaded(pond, api, item, name, data):
    """Checks that the application has exactly this upload; returns it."""
    id = pond.uploaded(item)
    upload = api.get(id)
    assert upload["state"] == "complete"
    assert upload["name"] == name
    assert upload["size"] == upload["received"] == len(data)
    assert api.content(id) == data
    return upload


def test_a_file_goes_up_in_one_request(pond, server, api):
    pond.start(server=server())
    item = pond.add("picture.jpg", 1, 300_000, "image/jpeg")
    upload = uploaded(pond, api, item, "picture.jpg", content(1, 300_000))
    assert [sent["method"] for sent in pond.requests()] == ["POST"]
    pond.wait_for_value(upload["id"])


def test_a_file_goes_up_in_chunks(pond, server, api):
    pond.start(server=server(), chunkUploads=True, chunkSize=CHUNK)
    item = pond.add("film.mp4", 2, 1_034_567)
    uploaded(pond, api, item, "film.mp4", content(2, 1_034_567))
    patches = pond.requests("PATCH")
    assert [int(sent["headers"]["upload-offset"]) for sent in patches] == list(range(0, 1_034_567, CHUNK))
    assert all(sent["status"] // 100 == 2 for sent in pond.requests())


def test_a_file_goes_up_in_chunks_of_the_default_size(pond, server, api):
    pond.start(server=server(), chunkUploads=True)
    item = pond.add("film.mp4", 3, 12_345_678)
    uploaded(pond, api, item, "film.mp4", content(3, 12_345_678))
    assert len(pond.requests("PATCH")) == 3


def test_a_file_of_an_exact_multiple_of_the_chunk_size_is_complete_before_the_empty_chunk(pond, server, api):
    pond.start(server=server(), chunkUploads=True, chunkSize=CHUNK)
    item = pond.add("even.bin", 4, 3 * CHUNK)
    uploaded(pond, api, item, "even.bin", content(4, 3 * CHUNK))
    assert [sent["size"] for sent in pond.requests("PATCH")] == [CHUNK, CHUNK, CHUNK, 0]


@pytest.mark.parametrize("chunks", [{}, {"chunkUploads": True, "chunkForce": True}], ids=["plain", "chunked"])
def test_an_empty_file_arrives(pond, server, api, chunks):
    pond.start(server=server(), **chunks)
    item = pond.add("empty.txt", 5, 0, "text/plain")
    uploaded(pond, api, item, "empty.txt", b"")


@pytest.mark.parametrize("chunks", [{}, {"chunkUploads": True, "chunkForce": True}], ids=["plain", "chunked"])
def test_one_byte_arrives(pond, server, api, chunks):
    pond.start(server=server(), **chunks)
    item = pond.add("one.bin", 6, 1)
    uploaded(pond, api, item, "one.bin", content(6, 1))


@pytest.mark.parametrize("chunks", [{}, {"chunkUploads": True, "chunkForce": True}], ids=["plain", "chunked"])
def test_names_arrive_as_they_are_and_come_back_by_restore(pond, server, api, chunks):
    pond.start(server=server(), **chunks)
    items = [pond.add(name, seed, 1000) for seed, name in enumerate(NAMES)]
    ids = [
        uploaded(pond, api, item, name, content(seed, 1000))["id"]
        for seed, (item, name) in enumerate(zip(items, NAMES))
    ]

    pond.tab.reload()
    limbo = [{"source": id, "options": {"type": "limbo"}} for id in ids]
    restored = {pond.state(item)["serverId"]: item for item in pond.start(server=server(), files=limbo)}
    for seed, (id, name) in enumerate(zip(ids, NAMES)):
        state = pond.loaded(restored[id])
        # The client leaves the escapes of these characters in a name undecoded (decodeURI instead of
        # decodeURIComponent), and RFC 8187 wants them escaped.
        shown = name.replace(";", "%3B").replace("=", "%3D").replace(",", "%2C")
        assert state["name"] in {name, shown}
        assert pond.bytes(restored[id]) == content(seed, 1000)


def test_many_files_go_up_side_by_side(pond, server, api):
    pond.start(server=server(), chunkUploads=True, chunkSize=CHUNK, maxParallelUploads=6)
    sizes = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 250_000, 400_000, 999_999]
    items = [pond.add(f"{seed}.bin", seed, size) for seed, size in enumerate(sizes)]
    for seed, (item, size) in enumerate(zip(items, sizes)):
        uploaded(pond, api, item, f"{seed}.bin", content(seed, size))
    assert len({upload["id"] for upload in api.list()}) >= len(sizes)


@pytest.mark.parametrize("chunks", [{}, {"chunkUploads": True, "chunkSize": CHUNK}], ids=["plain", "chunked"])
def test_metadata_arrives_with_the_file(pond, server, api, chunks):
    pond.start(server=server(), instantUpload=False, **chunks)
    item = pond.add("tagged.jpg", 8, 250_000)
    pond.set_metadata(item, "title", 'a "title" — 日本')
    pond.set_metadata(item, "crop", {"x": 0.5, "points": [1, 2, None], "on": True})
    pond.process(item)
    upload = uploaded(pond, api, item, "tagged.jpg", content(8, 250_000))
    assert upload["metadata"] == {
        "title": 'a "title" — 日本',
        "crop": {"x": 0.5, "points": [1, 2, None], "on": True},
    }


@pytest.mark.parametrize("chunks", [{}, {"chunkUploads": True, "chunkForce": True}], ids=["plain", "chunked"])
def test_a_directory_keeps_its_shape(pond, server, api, tmp_path, chunks):
    lie = {"holiday/beach.jpg": b"sand", "holiday/2025/sea 日本.jpg": b"water", "holiday/2025/deep/fish.jpg": b"fish"}
    for path, data in lie.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    pond.tab.evaluate("bench.keepFolders()")
    pond.start(server=server(), allowDirectoriesOnly=True, **chunks)
    pond.tab.locator(".filepond--browser").set_input_files(tmp_path / "holiday")
    ids = lambda: [id for id in pond.tab.evaluate("bench.values()") if len(id) == 22]
    known = lambda: [upload for upload in map(api.get, ids()) if upload and upload["state"] == "complete"]
    uploads = eventually("three uploads", lambda: len(found := known()) == len(lie) and found)
    assert {upload["relative_path"]: api.content(upload["id"]) for upload in uploads} == lie
    root = f"albums-{len(chunks)}/"
    stored = [api.store(upload["id"], root, keep_relative_path=True)["path"] for upload in uploads]
    assert sorted(stored) == sorted(root + path for path in lie)


@pytest.mark.parametrize("chunks", [{}, {"chunkUploads": True, "chunkForce": True}], ids=["plain", "chunked"])
def test_the_field_may_have_any_name(pond, server, api, chunks):
    pond.start(server=server(), name="photos[]", **chunks)
    uploaded(pond, api, pond.add("plain.bin", 9, 5000), "plain.bin", content(9, 5000))


@pytest.mark.parametrize("chunks", [{}, {"chunkUploads": True, "chunkForce": True}], ids=["plain", "chunk options"])
def test_variants_arrive_as_the_files_of_one_upload(pond, server, api, chunks):
    pond.tab.evaluate("bench.makeVariants()")
    pond.start(server=server(), **chunks)
    item = pond.add("photo.png", 10, 5000, "image/png")
    data = content(10, 5000)
    upload = api.get(pond.uploaded(item))
    # FilePond never sends variants in chunks.
    assert [sent["method"] for sent in pond.requests()] == ["POST"]
    assert [(file["name"], file["size"]) for file in upload["files"]] == [
        ("photo.png", 5000),
        ("head_photo.png", 10),
        ("tail_photo.png", 20),
    ]
    assert [file["role"] for file in upload["files"]] == ["main", "variant", "variant"]
    assert [api.content(upload["id"], file) for file in range(3)] == [data, data[:10], data[-20:]]


@pytest.mark.parametrize("after", [200, 2_000, 50_000, 99_000])
def test_a_connection_cut_inside_a_chunk_is_repeated_by_filepond(pond, server, api, proxy, after):
    pond.start(server=server(proxy.origin), chunkUploads=True, chunkSize=CHUNK)
    cut = proxy.cut_request(after)
    item = pond.add("cut.bin", 11, 350_000)
    uploaded(pond, api, item, "cut.bin", content(11, 350_000))
    assert cut.done.is_set()
    assert [int(sent["headers"]["upload-offset"]) for sent in pond.requests("PATCH")] == [
        0, 0, 100_000, 200_000, 300_000,
    ]
    # It asks for nothing in between: it just sends the chunk again.
    assert pond.requests("HEAD") == []


def test_a_lost_answer_makes_filepond_repeat_a_chunk_that_is_there_already(pond, server, api, proxy):
    pond.start(server=server(proxy.origin), chunkUploads=True, chunkSize=CHUNK)
    cut = proxy.lose_answer()
    item = pond.add("lost.bin", 12, 350_000)
    uploaded(pond, api, item, "lost.bin", content(12, 350_000))
    assert cut.done.is_set()
    assert [int(sent["headers"]["upload-offset"]) for sent in pond.requests("PATCH")][:2] == [0, 0]


def test_a_lost_answer_to_the_last_chunk_does_not_make_a_second_file(pond, server, api, proxy):
    pond.start(server=server(proxy.origin), chunkUploads=True, chunkForce=True)
    cut = proxy.lose_answer()
    item = pond.add("last.bin", 13, 4_000)
    upload = uploaded(pond, api, item, "last.bin", content(13, 4_000))
    assert cut.done.is_set()
    assert len(pond.requests("PATCH")) == 2
    assert len(upload["files"]) == 1


def test_an_upload_goes_on_where_it_was_after_filepond_gave_up(pond, server, api, proxy):
    pond.start(server=server(proxy.origin), chunkUploads=True, chunkSize=CHUNK, chunkRetryDelays=[20, 20])
    cut = proxy.cut_request(5_000, mark=b"Upload-Offset: 100000", times=3)
    item = pond.add("resumed.bin", 14, 350_000)
    pond.wait_for(item, "PROCESSING_ERROR")
    assert cut.times == 0
    pond.forget_requests()

    pond.process(item)
    uploaded(pond, api, item, "resumed.bin", content(14, 350_000))
    assert [sent["method"] for sent in pond.requests()] == ["HEAD", "PATCH", "PATCH", "PATCH"]
    assert [sent["headers"]["upload-offset"] for sent in pond.requests("PATCH")] == ["100000", "200000", "300000"]


def test_an_upload_is_paused_inside_a_chunk_and_resumed(pond, server, api, proxy):
    pond.start(server=server(proxy.origin), chunkUploads=True, chunkSize=CHUNK, instantUpload=False)
    stalled = proxy.stall_request(50_000, mark=b"Upload-Offset: 200000")
    item = pond.add("paused.bin", 16, 450_000)
    pond.process(item)
    assert stalled.done.wait(SECONDS)
    assert api.get(pond.state(item)["transferId"])["state"] == "receiving"
    pond.abort(item)
    pond.wait_for(item, "IDLE")
    pond.forget_requests()

    pond.process(item)
    uploaded(pond, api, item, "paused.bin", content(16, 450_000))
    assert [sent["method"] for sent in pond.requests()] == ["HEAD", "PATCH", "PATCH", "PATCH"]
    assert [sent["headers"]["upload-offset"] for sent in pond.requests("PATCH")] == ["200000", "300000", "400000"]


def test_a_cancelled_upload_leaves_nothing(pond, server, api, proxy):
    pond.start(server=server(proxy.origin), chunkUploads=True, chunkSize=CHUNK)
    stalled = proxy.stall_request(50_000)
    item = pond.add("cancelled.bin", 17, 350_000)
    assert stalled.done.wait(SECONDS)
    id = pond.state(item)["transferId"]
    assert api.get(id)["state"] == "receiving"
    pond.click("abort-item-processing")
    pond.gone(item)
    eventually("the upload going away", lambda: api.get(id) is None)
