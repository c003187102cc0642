"""Where readers look: the files and programs of one machine. A test gives a folder and canned answers instead."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PATIENCE_S: Final = 5.0


def run(command: Sequence[str], patience_s: float = _PATIENCE_S) -> str | None:
    """Return what a program prints, ``None`` where there is none of its name or it does not end in time."""
    try:
        done = subprocess.run(  # noqa: S603 -- fixed programs, arguments of ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=patience_s,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": ""},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine. `wall_ms` is its own idea of the time; `uid` is who asks."""

    root: Path = Path("/")
    wall_ms: int = 0
    uid: int = field(default_factory=os.geteuid)
    run: Callable[[Sequence[str]], str | None] = run

    def at(self, path: str) -> Path:
        """Return an absolute path below the root."""
        return self.root / path.lstrip("/")

    def text(self, path: str | Path) -> str | None:
        """Return the text of a file of the kernel, ``None`` where there is none or we may not read it."""
        try:
            return (self.at(path) if isinstance(path, str) else path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None

    def number(self, path: str | Path) -> int | None:
        """Return the whole number in a file of the kernel."""
        try:
            return int((self.text(path) or "").strip(), 0)
        except ValueError:
            return None

    @property
    def is_systemd(self) -> bool:
        """Whether systemd runs this machine (sd_booted(3))."""
        return self.at("/run/systemd/system").is_dir()

    @property
    def is_pi(self) -> bool:
        """Whether this is a Raspberry Pi."""
        return (self.text("/proc/device-tree/model") or "").startswith("Raspberry Pi")
