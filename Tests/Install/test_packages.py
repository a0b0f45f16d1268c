"""The package `fphost`, installed into a Debian 12 in which there is nothing else: see scripts/test-packages."""

import os
import pathlib
import re
import subprocess

import pytest
from served import ROOT, Served

PACKAGES = {path.name.split("_")[0]: path for path in (ROOT / ".build/packages").glob("*.deb")}
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="session")
def inside(debian):
    """Runs a command in that Debian, and returns what it printed."""

    def run(*command, user="root", status=0):
        done = subprocess.run(
            command_inside(debian, user, *command), env=ENVIRONMENT, capture_output=True, text=True,
            stdin=subprocess.DEVNULL)
        assert done.returncode == status, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    return run


def command_inside(debian, user, *command):
    return ["chroot", f"--userspec={user}:{user}", debian, *command]


def relation(package, field):
    """The names in a field of a package such as Depends."""
    text = subprocess.run(
        ["dpkg-deb", "--field", PACKAGES[package], field], check=True, capture_output=True, text=True).stdout
    return {re.split(r"[ (|]", item.strip())[0] for item in text.split(",") if item.strip()}


@pytest.fixture
def served(debian, inside):
    """The host as the service has it, but for the port, which may be taken on this machine."""
    inside("sed", "-i", "s/127.0.0.1:8080/127.0.0.1:0/", "/etc/fphost/fphost.yaml")
    command = command_inside(debian, "fphost", "/usr/bin/fphost", "serve", "--config", "/etc/fphost/fphost.yaml")
    return lambda: Served(command, lambda: (debian / "var/lib/fphost/api-token").read_text().strip())


def test_each_package_depends_on_what_it_links_and_no_more():
    wanted = {"fphost": ["libcurl4", "libsqlite3-0", "libyaml-0-2"], "fphost-plugin-s3": ["libcurl4"],
              "fphost-plugin-sftp": ["libssh-4"], "fphost-dev": []}
    foreign = {"libcurl4", "libsqlite3-0", "libyaml-0-2", "libssh-4"}
    assert {"fphost", "fphost-dev"} <= PACKAGES.keys() <= wanted.keys()
    for package in PACKAGES:
        depends = relation(package, "Depends")
        assert depends & foreign == set(wanted[package])
        assert not [name for name in depends if re.match(r"swift|libswift", name)]


def test_nothing_of_libssh_or_of_a_swift_toolchain_is_there(debian, inside):
    installed = inside("dpkg-query", "--show", "--showformat=${Package}\n").split()
    assert "fphost" in installed and not {"libssh-4", "libssh-gcrypt-4"} & set(installed)
    names = {
        path.name for directory in ("usr", "opt", "etc", "var/lib/fphost")
        for path in pathlib.Path(debian, directory).rglob("*") if not path.is_dir()
    }
    assert "fphost" in names
    assert not [name for name in names if re.match(r"libssh\.|libssh-|libswift|libFoundation|swiftc?$", name)]
    assert "not found" not in inside("ldd", "/usr/bin/fphost") + inside("ldd", "/usr/lib/fphost/plugins/libLocalStore.so")


def test_the_service_has_a_user_a_home_and_a_configuration_of_its_own(debian, inside):
    name, _, user, group, _, home, shell = inside("getent", "passwd", "fphost").strip().split(":")
    assert (home, shell) == ("/var/lib/fphost", "/usr/sbin/nologin")
    state = (debian / "var/lib/fphost").stat()
    assert (str(state.st_uid), str(state.st_gid), state.st_mode & 0o7777) == (user, group, 0o750)
    assert "/etc/fphost/fphost.yaml" in inside("dpkg-query", "--show", "--showformat=${Conffiles}", "fphost")
    assert "is good" in inside("fphost", "check", "--config", "/etc/fphost/fphost.yaml", user="fphost")
    # Enabled, although systemd was not there to be asked.
    assert (debian / "etc/systemd/system/multi-user.target.wants/fphost.service").is_symlink()


def test_uploads_arrive_in_one_piece_and_in_chunks_and_are_stored(debian, served):
    content = os.urandom(700_001)
    with served() as host:
        whole = host.process_form("whole.bin", content)
        chunked = host.process_chunks("chunked.bin", content, 65_536)
        assert host.offset(chunked) == len(content)
        for id, name in ((whole, "whole.bin"), (chunked, "chunked.bin")):
            assert host.restore(id) == content
            stored = host.api.store(id, f"kept/{name}")
            assert (stored["state"], stored["size"]) == ("stored", len(content))
            assert host.load(id) == host.load(f"kept/{name}") == host.api.content(id) == content
            assert (debian / f"var/lib/fphost/media/kept/{name}").read_bytes() == content


def test_a_chunked_upload_goes_on_after_a_restart(served):
    content = os.urandom(300_000)
    with served() as host:
        id = host.process_chunks("resumed.bin", content, 50_000, stop_after=150_000)
    with served() as host:
        reached = host.offset(id)
        assert reached == 150_000
        host.patch(id, "resumed.bin", content, reached, 50_000)
        assert host.api.content(id) == content
        host.api.delete(id)


def test_the_token_is_the_services_alone(debian, served):
    with served():
        token = (debian / "var/lib/fphost/api-token").stat()
    assert token.st_mode & 0o7777 == 0o600
    assert token.st_uid == (debian / "var/lib/fphost").stat().st_uid


@pytest.mark.parametrize(("plugin", "package"), [("S3Store", "fphost-plugin-s3"), ("SFTPStore", "fphost-plugin-sftp")])
def test_a_plugin_that_is_not_installed_says_which_package_has_it(debian, inside, plugin, package):
    (debian / "tmp/other.yaml").write_text(f"stores: {{files: {{plugin: {plugin}, options: {{}}}}}}\n")
    for command in ("check", "serve"):
        answer = inside("fphost", command, "--config", "/tmp/other.yaml", user="fphost", status=78)
        assert f"Install the package {package}." in answer and f"apt install {package}" in answer


def test_a_purge_keeps_every_file_and_without_one_leaves_nothing(debian, inside, served):
    with served() as host:
        if not host.api.list(state="stored"):
            host.api.store(host.process_form("kept.bin", b"kept"), "kept.bin")
    state = debian / "var/lib/fphost"

    def files():
        return {path: path.read_bytes() for path in state.rglob("*") if path.is_file()}

    before = files()
    said = inside("dpkg", "--purge", "fphost")
    assert files() == before and state / "fphost.db" in before and state / "api-token" in before
    assert all(name in said for name in ("/var/lib/fphost", "fphost.db", "api-token", "media/", "kept the user fphost"))
    assert "fphost" in inside("getent", "passwd", "fphost")
    assert not (debian / "etc/fphost").exists()

    inside("dpkg", "--install", f"/packages/{PACKAGES['fphost'].name}")
    with served() as host:
        stored = host.api.list(state="stored")
        assert stored
        for upload in stored:
            host.api.delete(upload["id"])
    # The catalog says so, but the package cannot read it, and it may be the only trace of files in a bucket.
    assert "fphost.db" in inside("dpkg", "--purge", "fphost")
    assert (state / "fphost.db").is_file() and "fphost" in inside("getent", "passwd", "fphost")

    inside("rm", "-r", "/var/lib/fphost")
    inside("dpkg", "--install", f"/packages/{PACKAGES['fphost'].name}")
    assert state.is_dir()
    inside("dpkg", "--purge", "fphost")
    inside("getent", "passwd", "fphost", status=2)
    left = inside("find", "/", "-xdev", "-path", "/proc", "-prune", "-o", "-iname", "*fphost*", "-print").split()
    assert not [path for path in left if not path.startswith(("/packages", "/tmp"))]
