"""What `plantgate init` sees of this machine before it asks: its time zone, its name, its serial ports."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.cli.ports import holder, stable_name
from config.values import timezone

if TYPE_CHECKING:
    from agent.setup.words import Language

DEVICES: Final = Path("/dev")
TTYS: Final = Path("/sys/class/tty")
_ADAPTERS: Final = ("serial/by-path/*", "ttyUSB*", "ttyACM*", "ttyAMA*", "ttyS*")
_COMMON: Final = ("localhost", "raspberrypi", "debian", "ubuntu", "plantgate", "gateway")


def zone(localtime: Path = Path("/etc/localtime"), fallback: str = "Asia/Shanghai") -> str:
    """Return the machine's time zone by its IANA name; `fallback` where it is none but UTC, as of new images."""
    names = [os.environ.get("TZ", "").removeprefix(":")]
    if localtime.is_symlink():
        names.append(str(localtime.readlink()).partition("zoneinfo/")[2])
    for name in names:
        if name and name.rpartition("/")[2] not in ("UTC", "UCT", "Universal", "Zulu") and _is_zone(name):
            return name
    return fallback


def _is_zone(name: str) -> bool:
    try:
        return bool(timezone(name))
    except ValueError:
        return False


def host_name() -> str:
    """Return the machine's name as a gateway id, "" where it is one that many machines have."""
    name = re.sub(r"[^a-z0-9]+", "-", socket.gethostname().partition(".")[0].lower()).strip("-")[:32].strip("-")
    return "" if name in _COMMON else name


def language(environment: dict[str, str]) -> Language:
    """Return the language of the terminal's user: "en" where it says so, else "zh"."""
    said = next((environment[key] for key in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(key)), "")
    return "en" if said.startswith("en") else "zh"


def serial_ports(devices: Path = DEVICES, ttys: Path = TTYS) -> tuple[str, ...]:
    """Return the serial ports that have hardware behind them, each once, by its stable name."""
    found: dict[Path, str] = {}
    for pattern in _ADAPTERS:
        for path in sorted(devices.glob(pattern)):
            real = path.resolve()
            if real.exists() and real not in found and _is_real(real, ttys):
                found[real] = str(path) if "by-path" in str(path) else stable_name(str(path))
    return tuple(found.values())


def _is_real(port: Path, ttys: Path) -> bool:
    """Whether a port of the board has a chip: the kernel lists more of them than there are."""
    try:
        return (ttys / port.name / "type").read_text(encoding="ascii").strip() != "0"
    except OSError:  # what is no UART of the board has no such file
        return not re.fullmatch(r"ttyS\d+", port.name)


def holders(ports: tuple[str, ...]) -> tuple[str, ...]:
    """Return who holds each port, on one line, "" for nobody."""
    return tuple(next((line for line in holder(port).splitlines() if line), "") for port in ports)
