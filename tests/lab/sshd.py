"""A real sshd with a host key, a client key and settings of its own."""

import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.lab.cache import docker_cli, program
from tests.lab.errors import LabError
from tests.lab.freeze import freeze, signal_all, thaw
from tests.lab.networks import Namespace
from tests.lab.owners import start_time
from tests.lab.parts import Part
from tests.lab.ports import accepts, free_port
from tests.lab.reap import MARK, kill_processes, processes_of, reap_part
from tests.lab.runs import log_tail, new_part, run, start
from tests.lab.waiting import wait_until

_SPLIT_BINARIES = {
    # OpenSSH 9.8 and 10.0 moved these into programs of their own.
    "SshdSessionPath": Path("/usr/lib/openssh/sshd-session"),
    "SshdAuthPath": Path("/usr/lib/openssh/sshd-auth"),
}


class Sshd(Part):
    """A running sshd; a context manager that removes everything of it at the end.

    Attributes:
        address: where it listens: the namespace's inside, else the loopback.
        port: 22 in a namespace, else a port that was free.
        username: whom the client key lets in.
        client_key: the private key file (0600), its ``.pub`` beside it.
        known_hosts: file with this server's host key under its address and port.
    """

    def __init__(
        self,
        namespace: Namespace | None = None,
        options: Mapping[str, str] | None = None,
        passphrase: str = "",
    ) -> None:
        """Start sshd.

        Args:
            namespace: run in this network instead of the machine's.
            options: sshd_config lines that win over the lab's, such as ``{"MaxSessions": "2"}``.
            passphrase: of the client key; none by default.
        """
        program("sshd", "openssh-server")
        self._keygen = program("ssh-keygen", "openssh-client")
        self.namespace = namespace
        self.address = namespace.inside if namespace else "127.0.0.1"
        self.port = 22 if namespace else free_port()
        self.username = "root"
        self.options = dict(options or {})
        self.folder = new_part("s")
        self.client_key = self.folder / "client_key"
        self.known_hosts = self.folder / "known_hosts"
        self._host_key = self.folder / "host_key"
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._prepare(passphrase)
            self.start_again()
        except BaseException:
            self.close()
            raise

    def _prepare(self, passphrase: str) -> None:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # Debian's privilege separation folder
        self.make_key(self.client_key, passphrase)
        self.rotate_host_key()
        self.trust_host_key()
        # Own copies of the programs: every process of this server, and only those, runs one.
        shutil.copy2(program("sshd", "openssh-server"), self.folder / "sshd")
        for binary in _SPLIT_BINARIES.values():
            if binary.exists():
                shutil.copy2(binary, self.folder / binary.name)

    def make_key(self, path: Path, passphrase: str = "") -> Path:
        """Make an ed25519 key pair at ``path`` and ``path.pub``, which nobody accepts yet."""
        run([self._keygen, "-q", "-t", "ed25519", "-N", passphrase, "-C", "fleet-lab", "-f", path])
        return path

    def rotate_host_key(self) -> None:
        """Give the server another host key, in force at its next start; known_hosts stays."""
        for file in (self._host_key, self._host_key.with_suffix(".pub")):
            file.unlink(missing_ok=True)
        self.make_key(self._host_key)

    def trust_host_key(self) -> None:
        """Write the present host key into ``known_hosts``."""
        key = self._host_key.with_suffix(".pub").read_text().rsplit(" ", 1)[0]
        self.known_hosts.write_text(f"[{self.address}]:{self.port} {key}\n")
        if self.port == 22:
            self.known_hosts.write_text(f"{self.address} {key}\n")

    def _config(self) -> str:
        path = f"{Path(docker_cli()).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        settings = {
            **self.options,
            "ListenAddress": f"{self.address}:{self.port}",
            "HostKey": self._host_key,
            "PidFile": "none",
            "AuthorizedKeysFile": f"{self.client_key}.pub",
            "StrictModes": "no",  # /tmp is everyone's to write, and the keys lie below it
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "PrintMotd": "no",
            "Subsystem": "sftp internal-sftp",
            # A home of its own: bash reads ~/.bashrc here, which may take long, and whose commands
            # a killed connection would leave half done in the developer's own home.
            "SetEnv": f'PATH={path} "HOME={self.folder}" "{MARK}={self.folder}"',
        }
        for key, binary in _SPLIT_BINARIES.items():
            if (self.folder / binary.name).exists():
                settings[key] = self.folder / binary.name
        settings |= self.options
        return "".join(f"{key} {value}\n" for key, value in settings.items())

    def start_again(self) -> None:
        """Start the server (again) with ``options`` as they are now, and wait until it listens."""
        if self._process and self._process.poll() is None:
            raise LabError(f"the sshd in {self.folder} still runs")
        config = self.folder / "sshd_config"
        config.write_text(self._config())
        prefix = self.namespace.nsenter if self.namespace else []
        command: list[str | Path] = [*prefix, self.folder / "sshd", "-D", "-e", "-f", config]
        process = self._process = start(command, self.folder)

        def up() -> bool:
            if process.poll() is not None:
                raise LabError(f"sshd ended at once:\n{log_tail(self.folder)}")
            return accepts(self.address, self.port)

        wait_until(up, "sshd listens")

    def session_processes(self) -> list[int]:
        """Return the pids of all processes of this server's connections, remote commands too."""
        listener = self._process.pid if self._process else None
        return [pid for pid in processes_of(self.folder) if pid != listener]

    def kill(self) -> None:
        """Kill the listener and every connection with its remote commands."""
        signal_all(signal.SIGKILL, self._listener())
        self._reap()
        kill_processes(self.folder)

    def kill_sessions(self) -> None:
        """Kill every connection; the listener goes on."""
        signal_all(signal.SIGKILL, doomed := self.session_processes())
        wait_until(lambda: not any(start_time(pid) for pid in doomed), "the sessions are gone")

    def stop(self) -> None:
        """Stop listening; established connections go on, as with a service restart."""
        signal_all(signal.SIGTERM, self._listener())
        self._reap()

    def pause(self) -> None:
        """Leave listener and connections alive but silent."""
        freeze([*self._listener(), *self.session_processes()])

    def resume(self) -> None:
        """Let a paused server go on."""
        thaw([*self._listener(), *self.session_processes()])

    def _listener(self) -> list[int]:
        running = self._process is not None and self._process.poll() is None
        return [self._process.pid] if self._process and running else []

    def _reap(self) -> None:
        if self._process:
            self._process.wait(10)

    def close(self) -> None:
        """End the server with its connections and remove every trace."""
        self.kill()
        reap_part(self.folder)

    def ssh_command(self, *words: str) -> list[str]:
        """Return an ssh command line for this server that uses nobody's own configuration."""
        options = {
            "IdentityFile": self.client_key,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.known_hosts,
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "10",
        }
        flags = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        ssh = program("ssh", "openssh-client")
        target = f"{self.username}@{self.address}"
        return [ssh, "-F", "/dev/null", *flags, "-p", str(self.port), target, *words]
