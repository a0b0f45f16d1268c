"""scripts/once-more: what fails is repeated once, alone; with a Swift of the tests' own and the real pytest."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ONCE_MORE = ROOT / "scripts/once-more"


class Ended:
    def __init__(self, done):
        self.status, self.output = done.returncode, done.stdout
        self.flaky = re.findall(r"(?m)^once-more: FLAKY (.*)$", self.output)

    def closing(self):
        return re.findall(r"(?m)^\S+ Test run with .*$|^=+ .*\b(?:passed|failed)\b.*=+$", self.output)


@pytest.fixture
def once_more(tmp_path):
    def run(*words, within=tmp_path, **environment):
        full = {
            **{name: value for name, value in os.environ.items() if name != "FLAKY_LEDGER"},
            "PATH": f"{ROOT / 'Tests/CI'}:{os.environ['PATH']}", "TEST_TARGET_SECONDS": "60",
            "TEST_ALONE_SECONDS": "60", **environment}
        return Ended(subprocess.run(
            [ONCE_MORE, *words], cwd=within, env=full, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=120))

    return run


@pytest.fixture
def swift(once_more, tmp_path):
    """The Swift tests of a plan, and the tests of each process that was started."""

    def run(plan, **environment):
        directory = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
        for target in plan:
            (directory / "Tests" / target).mkdir(parents=True)
        (directory / "plan.json").write_text(json.dumps(plan))
        ended = once_more("swift", "-Xswiftc", "-warnings-as-errors", within=directory, **environment)
        ended.runs = [
            [re.search("`(.*)`", test)[1] for test in json.loads(line)]
            for line in (directory / "runs").read_text().splitlines()]
        return ended

    return run


def test_what_passes_is_run_once(swift):
    ended = swift({"ATests": {"a (x): b": ["pass"], "known": ["warn"]}, "BTests": {"b": ["pass"]}})
    assert (ended.status, ended.flaky) == (0, [])
    assert ended.runs == [["a (x): b", "known"], ["b"]]
    assert len(ended.closing()) == 2 and "test-unit: all of 2 targets passed" in ended.output


def test_a_test_that_fails_once_is_flaky_and_shown_with_both_outputs_here_and_at_the_end(swift):
    ended = swift({"ATests": {"a [1] \\d, once": ["fail", "pass"], "ab": ["pass"]}, "BTests": {"b": ["pass"]}})
    assert ended.status == 0
    assert ended.runs == [["a [1] \\d, once", "ab"], ["a [1] \\d, once"], ["b"]]
    assert len(ended.flaky) == 1 and "a [1] \\d, once" in ended.flaky[0]
    assert ended.output.count("\nFLAKY: ATests.Suite/") == 2
    shown = ended.output[ended.output.rindex("\nFLAKY: "):]
    assert "failed first:\n  | testStarted" in shown and "issueRecorded of ATests" in shown
    assert "passed then:" in shown and "(ended with status 0)" in shown
    # One line for each target, as if nothing had been repeated.
    closing = ended.closing()
    assert len(closing) == 2 and all(re.search(r"Test run with \d tests? .*passed", line) for line in closing)


def test_a_test_that_fails_twice_fails_the_run_and_the_other_targets_still_run(swift):
    ended = swift({"ATests": {"a": ["fail"], "flaky": ["fail", "pass"]}, "BTests": {"b": ["pass"]}})
    assert ended.status == 1
    assert "failed twice: ATests.Suite/`a`()" in ended.output and "test-unit: failed: ATests" in ended.output
    assert len(ended.flaky) == 1 and ["b"] in ended.runs
    assert "failed after" in ended.closing()[0]


@pytest.mark.parametrize(("count", "status"), [(3, 0), (4, 1)])
def test_three_flaky_tests_are_let_pass_and_four_fail_the_run(swift, count, status):
    plan = {f"{target}Tests": {f"{target}{n}": ["fail", "pass"] for n in range(2)} for target in "AB"}
    if count == 3:
        plan["BTests"]["B1"] = ["pass"]
    ended = swift(plan)
    assert (ended.status, len(ended.flaky)) == (status, count)
    assert ("more than 3 are flaky" in ended.output) == (status == 1)


def test_flaky_tests_of_several_commands_count_together(once_more, tmp_path):
    (tmp_path / "flaky").write_text("#!/bin/sh\n[ -e seen-$1 ] && echo now it works && exit\ntouch seen-$1; exit 1\n")
    (tmp_path / "flaky").chmod(0o755)

    def several(first, last):
        steps = "; ".join(f"{ONCE_MORE} step number-{n} ./flaky {n} || exit" for n in range(first, last))
        return once_more("all", "sh", "-c", steps)

    ended = several(0, 3)
    assert (ended.status, ended.flaky) == (0, ["number-0", "number-1", "number-2"])
    assert "| now it works" in ended.output
    assert several(3, 7).status == 1
    # What has been flaky is not so for ever.
    assert (several(3, 7).status, several(3, 7).flaky) == (0, [])


def test_so_many_failures_that_it_is_no_accident_are_not_repeated(swift):
    ended = swift({"ATests": {f"a{n}": ["fail", "pass"] for n in range(11)}})
    assert (ended.status, len(ended.runs)) == (1, 1)


def test_after_a_crash_its_suspects_run_alone_and_what_had_not_begun_runs_then(swift):
    ended = swift({"ATests": {
        "done": ["pass"], "crashes": ["crash", "pass"], "bystander": ["started", "pass"], "later": ["wait"],
        "later still": ["wait"]}})
    assert ended.status == 0
    assert ended.runs[1:] == [["crashes"], ["bystander"], ["later", "later still"]]
    assert len(ended.flaky) == 1 and "signal 11" in ended.flaky[0] and "crashes" in ended.flaky[0]
    assert "about to crash" in ended.output[ended.output.rindex("\nFLAKY: "):]
    assert len(ended.closing()) == 1 and "with 5 tests passed" in ended.closing()[0]


@pytest.mark.parametrize(("second", "status"), [("pass", 0), ("crash", 1)])
def test_after_a_crash_with_many_under_way_these_are_repeated_together(swift, second, status):
    many = {f"a{n}": ["started", "pass"] for n in range(20)}
    ended = swift({"ATests": {"crashes": ["crash", second], **many, "later": ["wait"]}})
    assert (ended.status, len(ended.flaky)) == (status, 1 - status)
    assert len(ended.runs[1]) == 21 and (ended.runs[2:] == [["later"]]) == (status == 0)


def test_a_test_that_crashes_twice_fails_the_run(swift):
    ended = swift({"ATests": {"crashes": ["crash"], "later": ["wait"]}})
    assert (ended.status, ended.flaky) == (1, [])
    assert "failed twice: ATests.Suite/`crashes`()" in ended.output
    assert "failed" in ended.closing()[0]


def test_what_had_not_begun_before_a_crash_is_repeated_too_if_it_fails(swift):
    ended = swift({"ATests": {"crashes": ["crash", "pass"], "later": ["wait", "fail", "pass"]}})
    assert (ended.status, len(ended.flaky)) == (0, 2)
    ended = swift({"ATests": {"crashes": ["crash", "pass"], "later": ["wait", "fail"]}})
    assert (ended.status, len(ended.flaky)) == (1, 1)


def runs(number):
    try:
        return pathlib.Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_hang_ends_with_all_its_processes_and_counts_as_its_tests_do(swift, tmp_path):
    ended = swift({"ATests": {"hangs": ["hang", "pass"], "done": ["pass"]}}, TEST_TARGET_SECONDS="3")
    assert ended.status == 0
    assert len(ended.flaky) == 1 and "did not end in time" in ended.flaky[0] and "hangs" in ended.flaky[0]
    hung = [int(path.name.partition("-")[2]) for path in tmp_path.glob("run-*/hangs-*")]
    assert len(hung) == 2 and not [number for number in hung if runs(number)]


def test_a_test_that_hangs_twice_fails_the_run(swift):
    start = time.monotonic()
    ended = swift({"ATests": {"hangs": ["hang"]}}, TEST_TARGET_SECONDS="3", TEST_ALONE_SECONDS="3")
    assert (ended.status, ended.flaky) == (1, [])
    assert time.monotonic() - start < 100


def test_a_process_that_fails_without_a_test_to_blame_is_repeated_as_a_whole(swift):
    assert swift({"ATests": {"a": ["exit", "pass"]}}).flaky == ["ATests"]
    assert swift({"ATests": {"a": ["exit"]}}).status == 1


PYTEST = """
import os, pathlib, pytest

def again(name):
    seen = pathlib.Path(name)
    if seen.exists():
        return True
    seen.touch()
    return False

def test_good(): pass

@pytest.mark.parametrize("text", ["a b", "[x]"])
def test_flaky(text):
    print("words of the test")
    assert text == "a b" or again("flaky")
"""


def test_a_test_of_pytest_is_repeated_alone_with_its_own_parameters(once_more, tmp_path):
    (tmp_path / "test_it.py").write_text(PYTEST)
    ended = once_more("pytest", sys.executable, "test_it.py")
    assert (ended.status, ended.flaky) == (0, ["test_it.py::test_flaky[[x]]"])
    shown = ended.output[ended.output.rindex("\nFLAKY: "):]
    assert "in call:" in shown and "words of the test" in shown and "1 passed" in shown
    assert len(ended.closing()) == 1 and "3 passed" in ended.closing()[0]


@pytest.mark.parametrize(("second", "status"), [("assert again('second')", 0), ("os._exit(3)", 1), ("assert False", 1)])
def test_a_pytest_that_dies_goes_on_after_the_test_that_it_died_in(once_more, tmp_path, second, status):
    dies = "\ndef test_dies():\n    if not again('dies'): os._exit(3)\n"
    (tmp_path / "test_it.py").write_text(PYTEST + dies + f"\ndef test_later():\n    {second}\n")
    ended = once_more("pytest", sys.executable, "test_it.py")
    assert ended.status == status
    assert [name for name in ended.flaky if "test_dies" in name]


def test_a_fixture_that_fails_counts_as_its_test(once_more, tmp_path):
    (tmp_path / "test_it.py").write_text(
        PYTEST + "\n@pytest.fixture\ndef late():\n    yield\n    assert again('late')\n\ndef test_late(late): pass\n")
    ended = once_more("pytest", sys.executable, "test_it.py", "-k", "late")
    assert (ended.status, ended.flaky) == (0, ["test_it.py::test_late"])


@pytest.mark.parametrize("command", [["false"], ["sh", "-c", "kill -9 $$"]])
def test_a_step_that_fails_twice_fails_the_run(once_more, command):
    ended = once_more("step", "a-step", *command)
    assert (ended.status, ended.flaky) == (1, [])
    assert "failed twice: a-step" in ended.output
