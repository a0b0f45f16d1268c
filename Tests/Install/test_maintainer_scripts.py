"""What the package's scripts do on a purge, in a directory that stands for a machine (DPKG_ROOT)."""

import os
import pathlib
import shutil
import subprocess

import pytest
from served import ROOT

POSTRM = ROOT / "debian/fphost.postrm"


class Machine:
    """A root directory with /var/lib/fphost and the user fphost, who has the number of whoever runs the tests."""

    def __init__(self, root, owner):
        self.root = root
        self.state = root / "var/lib/fphost"
        self.state.mkdir(parents=True)
        (root / "etc").mkdir()
        (root / "etc/passwd").write_text(
            f"root:x:0:0::/root:/bin/sh\nfphost:x:{owner}:{owner}::/var/lib/fphost:/usr/sbin/nologin\n")
        # What removes a user says what it was asked to, and removes nobody.
        (root / "bin").mkdir()
        for name in ("userdel", "deluser"):
            (root / "bin" / name).write_text(f"#!/bin/sh\necho {name} \"$@\" >>{root}/removed\n")
            (root / "bin" / name).chmod(0o755)

    def put(self, path, text="something"):
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def files(self):
        return {
            str(path.relative_to(self.root)): path.read_bytes() if path.is_file() else None
            for path in sorted(self.root.rglob("*")) if path.is_symlink() or not path.is_dir()}

    def run(self, *words):
        """Runs the script as dpkg does, and returns what it said."""
        environment = {"PATH": f"{self.root}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["sh", POSTRM, *words], env={**environment, "DPKG_ROOT": str(self.root)}, capture_output=True, text=True,
            stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def removed(self):
        file = self.root / "removed"
        return file.read_text().splitlines() if file.exists() else []


# A number that no file here has, so that what is asked of the user does not depend on who runs the tests.
STRANGER = 54_321


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path / "root", STRANGER)


@pytest.mark.parametrize("path", [
    "fphost.db", "fphost.db-wal", "api-token", "upload.bin", ".hidden", "media/a.bin", "media/x/y/z.bin",
    "staging/.fp/w/session", "media/.fp/mark", "other.sqlite",
])
def test_purge_keeps_a_file_wherever_it_is_and_says_so(machine, path):
    machine.put("/var/lib/fphost/" + path)
    (machine.state / "empty/directory").mkdir(parents=True)
    before = machine.files()
    said = machine.run("purge")
    assert machine.files() == before and (machine.state / "empty/directory").is_dir()
    assert f"kept {machine.state}, " in said and path.split("/")[0] in said
    assert "kept the user fphost" in said and not machine.removed


def test_purge_removes_a_state_without_a_file_and_the_user(machine):
    (machine.state / "media/.fp/w").mkdir(parents=True)
    (machine.state / "staging").mkdir()
    assert "kept" not in machine.run("purge")
    assert not machine.state.exists()
    assert machine.removed == [f"userdel --prefix {machine.root} fphost"]


def test_purge_of_a_package_whose_state_is_gone_already_is_silent(machine):
    machine.state.rmdir()
    assert machine.run("purge") == ""
    assert machine.removed


@pytest.mark.parametrize("target", ["the directory itself", "a store in it"])
@pytest.mark.parametrize("there", [True, False])
def test_purge_keeps_a_link_to_another_disk_whether_that_is_there_or_not(machine, target, there):
    elsewhere = machine.root / "srv/media"
    if there:
        machine.put("/srv/media/a.bin")
    if target == "a store in it":
        link = machine.state / "media"
    else:
        machine.state.rmdir()
        link = machine.state
    link.symlink_to(elsewhere)
    said = machine.run("purge")
    assert os.readlink(link) == str(elsewhere) and elsewhere.exists() == there
    assert f"kept {machine.state}, " in said and not machine.removed


@pytest.mark.parametrize("place", ["/var/lib/fphost", "/var/lib/fphost/media"])
def test_purge_keeps_the_directory_that_a_missing_disk_is_mounted_on(machine, place):
    (machine.root / place.lstrip("/")).mkdir(parents=True, exist_ok=True)
    machine.put("/etc/fstab", f"# one disk\nLABEL=files {place} ext4 noauto 0 2\n")
    assert "where a disk belongs" in machine.run("purge")
    assert (machine.root / place.lstrip("/")).is_dir() and not machine.removed


def test_purge_keeps_the_user_whom_a_file_elsewhere_belongs_to(tmp_path):
    machine = Machine(tmp_path / "root", os.getuid())
    file = machine.put("/srv/media/a.bin")
    machine.state.rmdir()
    said = machine.run("purge")
    assert "kept the user fphost, whose file" in said and file.is_file() and not machine.removed


@pytest.mark.skipif(os.getuid() == 0, reason="root may look into every directory")
def test_purge_keeps_the_user_if_not_every_directory_could_be_searched(machine):
    closed = machine.root / "closed"
    closed.mkdir(mode=0)
    try:
        assert "not every directory could be searched" in machine.run("purge")
    finally:
        closed.chmod(0o700)
    assert not machine.removed


def test_purge_keeps_what_the_operator_has_beside_the_configuration_and_says_so(machine):
    machine.put("/etc/fphost/s3-secret-key")
    said = machine.run("purge")
    assert f"kept {machine.root}/etc/fphost" in said and "s3-secret-key" in said
    assert (machine.root / "etc/fphost/s3-secret-key").read_text() == "something"


def test_purge_names_no_more_than_a_screen_holds_and_no_control_characters(machine):
    for number in range(500):
        machine.put(f"/var/lib/fphost/file-{number}")
    machine.put("/var/lib/fphost/0\x1b[31mred")
    said = machine.run("purge")
    assert len(said.splitlines()) < 30 and "\x1b" not in said and "and more" in said


@pytest.mark.parametrize("words", [
    ["remove"], ["upgrade", "2.0"], ["failed-upgrade", "1.0"], ["abort-install"], ["abort-install", "1.0"],
    ["abort-upgrade", "1.0"], ["disappear", "another", "1.0"],
])
def test_nothing_but_a_purge_touches_anything(machine, words):
    machine.put("/etc/fphost/fphost.yaml")
    before = machine.files()
    assert machine.run(*words) == ""
    assert machine.files() == before and machine.state.is_dir() and not machine.removed


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("unshare"), reason="only root can make a machine of its own")
def test_dpkg_purges_a_package_with_these_scripts(tmp_path):
    """The scripts as dpkg runs them, with no root but its own directory for what they touch."""
    package = tmp_path / "package"
    (package / "DEBIAN").mkdir(parents=True)
    (package / "etc/fphost").mkdir(parents=True)
    (package / "etc/fphost/fphost.yaml").write_text("# settings\n")
    (package / "DEBIAN/control").write_text(
        "Package: fphost\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: test\n")
    (package / "DEBIAN/conffiles").write_text("/etc/fphost/fphost.yaml\n")
    (package / "DEBIAN/postrm").write_text(POSTRM.read_text().replace("#DEBHELPER#", ""))
    (package / "DEBIAN/postrm").chmod(0o755)
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", package, tmp_path / "fphost.deb"],
                   check=True, capture_output=True)
    machine = Machine(tmp_path / "root", STRANGER)
    admin = machine.root / "var/lib/dpkg"
    for directory in ("info", "updates", "triggers"):
        (admin / directory).mkdir(parents=True)
    (admin / "status").touch()
    (machine.state / "fphost.db").write_text("a catalog")
    machine.put("/etc/fphost/key")

    def dpkg(*words):
        done = subprocess.run(
            ["dpkg", "--force-script-chrootless", f"--root={machine.root}", *words], capture_output=True, text=True,
            stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    dpkg("--install", tmp_path / "fphost.deb")
    dpkg("--install", tmp_path / "fphost.deb")
    dpkg("--remove", "fphost")
    assert (machine.state / "fphost.db").exists() and (machine.root / "etc/fphost/fphost.yaml").exists()
    assert "fphost.db" in dpkg("--purge", "fphost")
    assert (machine.state / "fphost.db").read_text() == "a catalog"
    assert not (machine.root / "etc/fphost/fphost.yaml").exists() and (machine.root / "etc/fphost/key").exists()
    assert pathlib.Path(machine.root / "etc/passwd").read_text().count("fphost:x") == 1
