"""Become another program that dies with its parent: `launch.py PARENT SIGNAL IDENTITY PROGRAM …`.

A script of its own, run between fork and exec, because the parent may have threads, and Python
code must not run in a forked copy of a threaded process. Standard library only.
"""

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
NAMESPACE_ID = 1000  # any id but 0 would do: PostgreSQL refuses to run as root
NOBODY_ID = 65534


def main(parent: str, death_signal: str, identity: str, *program: str) -> None:
    take_identity(identity)
    die_with(int(parent), int(death_signal))
    os.execv(program[0], program)  # noqa: S606


def take_identity(identity: str) -> None:
    """`same`: stay who we are; `namespace`: root in disguise; `nobody`: leave root behind."""
    if identity == "namespace":
        enter_user_namespace()
    elif identity == "nobody":
        os.setgroups([])
        os.setgid(NOBODY_ID)
        os.setuid(NOBODY_ID)


def enter_user_namespace() -> None:
    """Look like an ordinary user to the program, and still own root's files."""
    uid, gid = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespace to be had")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NAMESPACE_ID} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{NAMESPACE_ID} {gid} 1")


def die_with(parent: int, death_signal: int) -> None:
    """Linux sends `death_signal` when the parent dies. Comes after every change of identity,
    which would clear it. Elsewhere the next start stops what was left over."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        sys.exit("the parent died before its child began")


if __name__ == "__main__":
    main(*sys.argv[1:])
