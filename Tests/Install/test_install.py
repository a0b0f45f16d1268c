"""What `make install` puts into a prefix, used as a stranger would: from there alone."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from served import Served

KIT = Path(__file__).resolve().parents[2] / "Sources/FPPluginKit"
# No toolchain, and nothing else of this machine's own.
BARE = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}


def run(*command, status=0, env=BARE):
    done = subprocess.run(command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == status, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def stores_uploads(host):
    content = os.urandom(300_000)
    for id in (host.process_form("a.bin", content), host.process_chunks("b.bin", content, 65_536)):
        assert host.offset(id) == len(content)
        host.api.store(id, f"kept/{id}")
        assert host.load(f"kept/{id}") == content
        host.api.delete(id)


def elf_files(prefix):
    return [prefix / "bin/fphost", *sorted((prefix / "lib/fphost/plugins").iterdir())]


def test_the_host_serves_what_the_example_says(installed, tmp_path):
    example = (installed / "share/doc/fphost/examples/fphost.yaml").read_text()
    (tmp_path / "fphost.yaml").write_text(example.replace("127.0.0.1:8080", "127.0.0.1:0"))
    with Served(
        [installed / "bin/fphost", "serve", "--config", tmp_path / "fphost.yaml"],
        lambda: (tmp_path / "data/api-token").read_text().strip(),
    ) as host:
        stores_uploads(host)
        assert b"<html" in host.send("GET", "/")[1].lower()


def test_the_host_serves_within_what_its_unit_leaves_it(installed, tmp_path):
    configuration = (installed / "etc/fphost/fphost.yaml").read_text()
    configuration += "\nfetch: {allow: [localhost]}\n"
    (tmp_path / "fphost.yaml").write_text(
        configuration.replace("127.0.0.1:8080", "localhost:0").replace("/var/lib/fphost", str(tmp_path)))
    confined = [sys.executable, Path(__file__).parent / "confined.py", installed / "lib/systemd/system/fphost.service"]
    with Served(
        [*confined, installed / "bin/fphost", "serve", "--config", tmp_path / "fphost.yaml"],
        lambda: (tmp_path / "api-token").read_text().strip(),
    ) as host:
        stores_uploads(host)
        remote = f"http://localhost:{host.origin.rpartition(':')[2]}/healthz"
        assert host.send("GET", f"/fp/fetch/?target={remote}")[1] == host.send("GET", "/healthz")[1]


def test_no_library_of_the_toolchain_is_needed(installed):
    for file in elf_files(installed):
        dynamic = run("readelf", "--dynamic", "--wide", file)
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
        assert needed and not [name for name in needed if re.match(r"lib(swift|Foundation|_|dispatch|Blocks)", name)]
        paths = re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", dynamic)
        assert all(path == "$ORIGIN" for joined in paths for path in joined.split(":")), paths


def test_the_host_links_nothing_that_only_a_plugin_needs(installed):
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", "--wide", installed / "bin/fphost"))
    assert not [name for name in needed if name.startswith("libssh.")]


def test_a_plugin_exports_its_entry_point_and_nothing_else(installed):
    for file in elf_files(installed)[1:]:
        symbols = run("nm", "--dynamic", "--defined-only", file).split()
        assert [name for name in symbols if not re.fullmatch(r"[0-9a-f]+|[A-Za-z]", name)] == ["fp_plugin_entry_v1"]


def test_a_plugin_that_is_not_there_says_which_package_has_it(installed, tmp_path):
    (tmp_path / "fphost.yaml").write_text(
        f"plugins: {{directory: {tmp_path}}}\nstores: {{media: {{plugin: S3Store, options: {{}}}}}}\n")
    answer = run(installed / "bin/fphost", "check", "--config", tmp_path / "fphost.yaml", status=78)
    assert "fphost-plugin-s3" in answer


def test_the_configuration_of_the_service_is_right(installed, tmp_path):
    """In the words of fphost itself, with the state somewhere else than in this machine's /var."""
    text = (installed / "etc/fphost/fphost.yaml").read_text()
    assert "demo: false" in text and "listen: 127.0.0.1:8080" in text
    (tmp_path / "fphost.yaml").write_text(text.replace("/var/lib/fphost", str(tmp_path)))
    assert "is good" in run(installed / "bin/fphost", "check", "--config", tmp_path / "fphost.yaml")


def test_an_operators_configuration_is_left_alone(installed, tmp_path):
    (tmp_path / "etc/fphost").mkdir(parents=True)
    (tmp_path / "etc/fphost/fphost.yaml").write_text("# mine\n")
    run("scripts/install", tmp_path, "/usr", "/etc", env=dict(os.environ))
    assert (tmp_path / "etc/fphost/fphost.yaml").read_text() == "# mine\n"
    unit = (tmp_path / "usr/lib/systemd/system/fphost.service").read_text()
    assert "ExecStart=/usr/bin/fphost serve --config /etc/fphost/fphost.yaml\n" in unit


def test_pkg_config_finds_the_contract(installed, tmp_path):
    env = {**BARE, "PKG_CONFIG_PATH": str(installed / "lib/pkgconfig")}
    flags = run("pkg-config", "--cflags", "fphost-plugin", env=env).split()
    (tmp_path / "plugin.c").write_text('#include "fp_plugin.h"\nint major = FP_ABI_MAJOR;\n')
    run("cc", "-std=c99", "-Werror", *flags, "-c", "-o", tmp_path / "plugin.o", tmp_path / "plugin.c")
    plugins = run("pkg-config", "--variable=plugindir", "fphost-plugin", env=env).strip()
    assert os.path.samefile(plugins, installed / "lib/fphost/plugins")
    kit = run("pkg-config", "--variable=kitdir", "fphost-plugin", env=env).strip()
    assert os.path.exists(os.path.join(kit, "Package.swift"))
    header = (installed / "include/fphost/fp_plugin.h").read_text()
    version = ".".join(re.search(rf"#define FP_ABI_{part} (\d+)u", header)[1] for part in ("MAJOR", "MINOR"))
    assert run("pkg-config", "--modversion", "fphost-plugin", env=env).strip() == version


def test_the_kit_is_a_package_of_the_swift_package_manager(installed, tmp_path):
    described = run(
        "swift", "package", "--package-path", installed / "share/fphost/FPPluginKit", "--scratch-path", tmp_path,
        "describe", env=dict(os.environ))
    assert re.search(r"Products:\s+Name: FPPluginKit", described)
    sources = installed / "share/fphost/FPPluginKit/Sources/FPPluginKit"
    names = {str(path.relative_to(sources)) for path in sources.rglob("*.swift")}
    assert names == {str(path.relative_to(KIT)) for path in KIT.rglob("*.swift")}
    assert all(name in described for name in names)
    assert (installed / "share/fphost/FPPluginKit/plugin.map").is_file()


def plain(page):
    """A page as words, without what terminals make bold and underlined by."""
    run("mandoc", "-T", "lint", "-W", "warning", page)
    return re.sub(r".\x08", "", run("mandoc", "-T", "ascii", page))


def commands(command, path=()):
    own = path + (command["commandName"],)
    children = [
        child for child in command.get("subcommands", []) if child["shouldDisplay"] and child["commandName"] != "help"
    ]
    return [words for child in children for words in commands(child, own)] or [" ".join(own)]


def test_the_manual_has_every_command(installed):
    page = plain(installed / "share/man/man1/fphost.1")
    described = run(installed / "bin/fphost", "--experimental-dump-help")
    for command in commands(json.loads(described)["command"]):
        assert re.search(rf"^   {command}$", page, re.M), f"{command} has no section"
    assert "--config" in page


def test_the_manual_has_every_setting(installed, tmp_path):
    page = plain(installed / "share/man/man5/fphost.yaml.5")
    example = (installed / "share/doc/fphost/examples/fphost.yaml").read_text()
    (tmp_path / "fphost.yaml").write_text(example)
    effective = run(installed / "bin/fphost", "check", "--show", "--config", tmp_path / "fphost.yaml")
    keys = [re.sub(r"^stores\.\w+", "stores.<name>", key) for key in re.findall(r"^([a-z_.]+): ", effective, re.M)]
    assert len(keys) > 30
    for key in keys:
        assert ".options" in key or re.search(rf"^     {re.escape(key)}\b", page, re.M), f"{key} is not there"


def test_shells_complete_the_commands(installed):
    scripts = {
        "bash": installed / "share/bash-completion/completions/fphost",
        "zsh": installed / "share/zsh/site-functions/_fphost",
        "fish": installed / "share/fish/vendor_completions.d/fphost.fish",
    }
    for shell, script in scripts.items():
        assert "uploads" in script.read_text()
        if shutil.which(shell):
            run(shell, "-n", script)
    question = 'COMP_WORDS=(fphost upl); COMP_CWORD=1; COMP_LINE="fphost upl"; COMP_POINT=10; _fphost; echo "${COMPREPLY[@]}"'
    assert "uploads" in run("bash", "-c", f"source {scripts['bash']}; {question}")


def test_the_service_is_one_that_systemd_takes_and_locks_in(installed, tmp_path):
    unit = tmp_path / "fphost.service"
    text = (installed / "lib/systemd/system/fphost.service").read_text()
    # Manual pages are looked for where the machine has its own.
    unit.write_text(re.sub(r"(?m)^Documentation=.*\n", "", text))
    run("systemd-analyze", "verify", "--man=no", unit)
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    assert "RestartPreventExitStatus=78\n" in text
