"""The name of a worker, made so that others on the same machine can tell whether its process is still there.

Only a certain "gone" counts: another machine, another container, another system than Linux, or a name of another form
are all "perhaps still there", and the lease decides.
"""

from __future__ import annotations

import functools
import os
import socket
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


def own_name() -> str:
    """Return the name of this process: host, boot and container, process id, and when it began."""
    return "/".join((socket.gethostname(), _system() or "?", str(os.getpid()), _beginning(os.getpid()) or "?"))


def is_gone(name: str) -> bool:
    """Whether the process of this name ran on this machine and does so no more."""
    parts = name.split("/")
    here = _system()
    if here is None or len(parts) != 4 or parts[1] != here or not parts[2].isdecimal() or parts[3] == "?":
        return False
    return _beginning(int(parts[2])) != parts[3]


@functools.cache
def _system() -> str | None:
    """Return what tells this boot and this container's numbering of processes from others; None if nothing does."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}-{(_PROC / 'self/ns/pid').readlink().name}"
    except OSError:
        return None


def _beginning(pid: int) -> str | None:
    """Return when a process began, in ticks since the boot; None if there is none, or only what is left of one."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else fields[19]
