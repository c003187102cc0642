"""A serial port's other names, and who holds it: what an installer would ask `ls` and `fuser`."""

from __future__ import annotations

from os.path import normpath
from pathlib import Path
from typing import Final

STABLE: Final = (Path("/dev/serial/by-path"), Path("/dev/serial/by-id"))
"""Where udev names adapters by where they are plugged in, and by what they are."""
PROCESSES: Final = Path("/proc")


def stable_name(port: str, folders: tuple[Path, ...] = STABLE) -> str:
    """Return the name of a port that stays when adapters are plugged in another order, or its absolute path."""
    given = Path(normpath(Path(port).absolute()))  # a link stays one
    if not any(given.is_relative_to(folder) for folder in folders):
        for folder in folders:
            for link in sorted(folder.glob("*")):
                if link.resolve() == given.resolve():
                    return str(link)
    return str(given)


def holder(port: str, processes: Path = PROCESSES) -> str:
    """Return who of the processes we may look into has the port open, as a hint; ``""`` when nobody known has."""
    if not Path(port).exists():
        return ""
    device = Path(port).resolve()
    for process in sorted(processes.glob("[0-9]*")):
        if process.name != str(_ourselves(processes)) and _has_open(process, device):
            return _hint(process)
    return ""


def _ourselves(processes: Path) -> str:
    return (processes / "self").resolve().name


def _has_open(process: Path, device: Path) -> bool:
    try:
        return any(link.readlink() == device for link in (process / "fd").iterdir())
    except OSError:  # it has ended, or is another user's
        return False


def _hint(process: Path) -> str:
    """Return what to do about a process: the agent can be asked, another must be stopped."""
    words = (process / "cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    site = next((word for word in words if word.endswith(".toml")), "")
    if site and "run" in words:
        return (
            f"\nit is the running agent (process {process.name}): `plantgate read {site}`, `watch` and `identify` go "
            "through it; to scan, stop it first (systemctl stop plantgate)"
            "\n正在运行的 plantgate 占用此串口：read、watch、identify 可经它读取；扫描前请先停止它"
        )
    return f"\nit is process {process.name}: {' '.join(words).strip()}\n串口被另一程序占用：请先停止它"
