"""An apt state of the lab's own: packages of other suites are unpacked, never installed."""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.lab.errors import MissingPartError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"lab: {text}", flush=True)


class PrivateApt:
    """An apt state of its own, so that another suite never touches the machine's packages."""

    def __init__(self, folder: Path, suite: str) -> None:
        self._folder = folder
        for name in ("lists/partial", "archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        source = f"deb [signed-by={KEYRING}] {_mirror()} {suite} main\n"
        (folder / "sources.list").write_text(source)
        self._apt("update", "-q", cwd=folder)

    def _apt(self, *words: str, cwd: Path) -> None:
        settings: Mapping[str, Path | str] = {
            "Dir::State": self._folder,
            "Dir::State::Lists": self._folder / "lists",
            "Dir::State::Status": self._folder / "status",
            "Dir::Cache": self._folder,
            "Dir::Etc::SourceList": self._folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "APT::Sandbox::User": "root",
        }
        options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        command = ["apt-get", *options, *words]
        subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)

    def unpack(self, packages: list[str], root: Path) -> None:
        """Download packages and unpack them below ``root``, without their scripts."""
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            downloads = Path(name)
            self._apt("download", "-q", *packages, cwd=downloads)
            for deb in sorted(downloads.glob("*.deb")):
                subprocess.run(["dpkg-deb", "-x", deb, root], check=True)


def _mirror() -> str:
    """Return the address of the mirror this machine uses for Debian itself."""
    form = "$(LABEL) $(REPO_URI)"
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in said.splitlines():
        label, _, address = line.rpartition(" ")
        if label == "Debian":
            return address
    raise MissingPartError("apt knows no Debian mirror (apt-get indextargets)")
