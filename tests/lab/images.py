"""Images without a registry: busybox of this machine as a tar, imported into an Engine."""

import io
import json
import tarfile
from pathlib import Path

from docker import DockerClient

from tests.lab.cache import program

REPOSITORY = "fleet-lab/busybox"
IMAGE = f"{REPOSITORY}:1"
SECOND_TAG = f"{REPOSITORY}:stable"
HEALTHY_IMAGE = f"{REPOSITORY}:health"
"""Healthy while the file /tmp/ok exists, checked every second; starts without the file."""

_CHECK = "test -e /tmp/ok || (echo no /tmp/ok; exit 1)"
HEALTHCHECK = f"HEALTHCHECK --interval=1s --timeout=2s --retries=2 CMD {_CHECK}"
_FOLDERS = ("bin", "tmp", "etc", "proc", "sys", "dev", "www")
_TEXTS = {
    "etc/passwd": "root:x:0:0:root:/:/bin/sh\n",
    "etc/group": "root:x:0:\n",
    "www/index.html": "hello from the lab\n",
}
_APPLETS = (
    "sh awk cat date dd df echo env false grep head hostname httpd id ip kill ls mkdir nc ps rm "
    "seq sleep tail tee test timeout top touch tr true uname wc wget yes"
)


def busybox_tar() -> bytes:
    """Return a root file system of busybox alone, a link for each applet."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in _FOLDERS:
            tar.addfile(_entry(folder, tarfile.DIRTYPE))
        binary = Path(program("busybox", "busybox-static")).read_bytes()
        tar.addfile(_entry("bin/busybox", size=len(binary)), io.BytesIO(binary))
        for name in _APPLETS.split():
            link = _entry(f"bin/{name}", tarfile.SYMTYPE)
            link.linkname = "busybox"
            tar.addfile(link)
        for name, text in _TEXTS.items():
            tar.addfile(_entry(name, size=len(text)), io.BytesIO(text.encode()))
    return buffer.getvalue()


def _entry(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.size = kind, size
    entry.mode = 0o1777 if name == "tmp" else 0o755
    return entry


def import_images(client: DockerClient, *, healthcheck: bool = True) -> None:
    """Give an Engine the lab's images (Podman takes no health check in an import)."""
    tar = busybox_tar()
    plain = ['CMD ["sh"]', "ENV PATH=/bin"]
    _import(client, tar, plain, "1", "stable")
    if healthcheck:
        _import(client, tar, [*plain, HEALTHCHECK], "health")


def _import(client: DockerClient, tar: bytes, changes: list[str], *tags: str) -> None:
    """Import and tag apart: Podman 4.3 drops the tag of an import and says ``latest``."""
    said = client.api.import_image_from_data(
        tar, repository=REPOSITORY, tag=tags[0], changes=changes
    )
    image = json.loads(said.strip().splitlines()[-1])["status"]
    for tag in tags:
        client.api.tag(image, REPOSITORY, tag=tag)
