from __future__ import annotations

import resource
import subprocess
import sys

from config.models import LocalHost, SshHost
from fleet.descriptors import needed


def test_an_ssh_host_takes_both_ends_of_its_tunnel() -> None:
    one, other = LocalHost(name="a"), SshHost(name="b", address="b")
    assert needed([one, other]) - needed([one]) > needed([one]) - needed([])


def test_the_soft_limit_becomes_the_hard_one_and_too_few_are_warned_of() -> None:
    program = (
        "import logging, resource\n"
        "from config.models import LocalHost\n"
        "from fleet.descriptors import raise_limit\n"
        "logging.basicConfig()\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 256))\n"
        "raise_limit([LocalHost(name='a')])\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))\n"
        "raise_limit([LocalHost(name=str(n)) for n in range(100)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "(256, 256)\n"
    assert done.stderr.count("this process may open 256 files") == 1
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] != 256
