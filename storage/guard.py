"""Run a command that must not outlive the process that asked for it.

A program of its own, run with `python -I -S guard.py MODE PARENT UID:GID COMMAND...` and written
for the standard library alone: it becomes the command, or stays as its parent.

It imports all it needs while it can, gives up root (`UID:GID`, or `-` to stay who we are), and then
ties the command to PARENT:

* `signal` (Linux): a parent-death signal, set after the change of user because that clears it.
  The kernel sends it when the *thread* that started us ends, not when its process does.
* `pipe` (anywhere): stays as the parent and watches standard input, which PARENT holds open.
* `plain`: not at all, for commands that end by themselves.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading

CANNOT_RUN = 126
PR_SET_PDEATHSIG = 1


def _drop(account: str) -> None:
    if account != "-":
        uid, gid = (int(number) for number in account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    os.chdir("/")


def _become(command: list[str]) -> None:
    os.execv(command[0], command)  # noqa: S606 - the point: no shell, the same process


def _die_with(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGQUIT), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before the signal was set
        sys.exit(CANNOT_RUN)


def _stay(command: list[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, lambda received, _frame: child.send_signal(received))

    def watch() -> None:
        while os.read(0, 1):
            pass
        child.send_signal(signal.SIGQUIT)

    threading.Thread(target=watch, daemon=True).start()
    return child.wait()


def main(arguments: list[str]) -> int:
    """Run the command; returns only in `pipe` mode, or when the command cannot be run."""
    mode, parent, account, *command = arguments
    try:
        _drop(account)
        if mode == "pipe":
            return _stay(command)
        if mode == "signal":
            _die_with(int(parent))
        _become(command)
    except OSError as error:
        print(f"cannot run {command[0]} as {account}: {error}", file=sys.stderr)  # noqa: T201 - a program
    return CANNOT_RUN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
