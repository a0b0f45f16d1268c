"""Runs a command under the system calls, address families and memory that a systemd unit leaves it.

Usage: python confined.py UNIT COMMAND [ARGUMENT...]

systemd does this only where it is the init system, which containers do not have.
"""

import ctypes
import errno
import os
import re
import socket
import subprocess
import sys

ALLOW, EQUAL, MASKED_EQUAL = 0x7FFF0000, 4, 7
PROT_WRITE, PROT_EXEC = 2, 4

seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
seccomp.seccomp_init.restype = ctypes.c_void_p


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operation", ctypes.c_int),
                ("first", ctypes.c_uint64), ("second", ctypes.c_uint64)]


def fails_with(number):
    return 0x00050000 | number


def members(group):
    """The system calls of a group such as @system-service, those of the groups in it included."""
    shown = subprocess.run(["systemd-analyze", "syscall-filter", group], check=True, capture_output=True, text=True)
    lines = [line.strip() for line in shown.stdout.splitlines()[1:]]
    names = [line for line in lines if line and not line.startswith("#")]
    return {name for entry in names for name in (members(entry) if entry.startswith("@") else {entry})}


def allowed_calls(unit):
    calls = set()
    for line in re.findall(r"(?m)^SystemCallFilter=(.*)$", unit):
        group = {name for entry in line.lstrip("~").split() for name in (members(entry) if "@" in entry else {entry})}
        calls = calls - group if line.startswith("~") else calls | group
    return calls


def confine(unit):
    rules = ctypes.c_void_p(seccomp.seccomp_init(fails_with(errno.EPERM)))

    def add(action, name, *comparison):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            return
        comparisons = (Comparison * 1)(Comparison(*comparison)) if comparison else None
        if seccomp.seccomp_rule_add_array(rules, action, number, len(comparison) and 1, comparisons):
            raise OSError(f"libseccomp refuses the rule for {name}")

    for name in allowed_calls(unit) - {"socket", "mmap", "mprotect", "pkey_mprotect"}:
        add(ALLOW, name)
    families = re.search(r"(?m)^RestrictAddressFamilies=(.*)$", unit)[1].split()
    for family in families:
        add(ALLOW, "socket", 0, EQUAL, getattr(socket, family), 0)
    assert "\nMemoryDenyWriteExecute=yes\n" in unit
    for allowed in (0, PROT_WRITE, PROT_EXEC):
        add(ALLOW, "mmap", 2, MASKED_EQUAL, PROT_WRITE | PROT_EXEC, allowed)
    add(ALLOW, "mprotect", 2, MASKED_EQUAL, PROT_EXEC, 0)
    if status := seccomp.seccomp_load(rules):
        raise OSError(-status, "seccomp_load")


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        confine(file.read())
    os.execv(sys.argv[2], sys.argv[2:])
