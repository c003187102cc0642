"""The files that `plantgate init` writes: all of them whole or not at all.

Beside the site file: the answers (0600, no secrets), the password (0600), the old site file (``.bak``). Run by root,
what the agent must read is given to the agent's user.
"""

from __future__ import annotations

import os
import pwd
import shutil
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.setup.document import toml

if TYPE_CHECKING:
    from agent.setup.document import Document

AGENT: Final = "plantgate"
PASSWORD: Final = "mqtt.password"  # noqa: S105  a file's name
HEAD: Final = "# Answers of plantgate init, without secrets. The same file serves `plantgate init --answers`.\n"


def write_whole(path: Path, text: str, mode: int) -> None:
    """Write a file beside its name and rename it: a power cut leaves the old one or the new one. Raises OSError."""
    draft = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _settle(path.parent)


def _settle(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def backed_up(path: Path) -> Path | None:
    """Keep what is at `path` as ``.bak``; return its name, ``None`` where nothing was."""
    if not path.exists():
        return None
    kept = path.with_name(f"{path.name}.bak")
    shutil.copy2(path, kept)
    return kept


class Answers:
    """The answers file of one site file."""

    def __init__(self, site: Path) -> None:
        self.path = site.with_name(f"{site.name}.answers.toml")

    def keep(self, memory: Document) -> None:
        """Write everything answered so far."""
        write_whole(self.path, HEAD + toml(memory), 0o600)

    def read(self) -> Document:
        """Return what was answered, nothing where there is no file. Raises OSError, ValueError."""
        try:
            return tomllib.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}

    def forget(self) -> None:
        """Take the file away."""
        self.path.unlink(missing_ok=True)


def keep_password(site: Path, typed: str) -> str:
    """Write the password beside the site file, readable by the agent alone; return the name for the site file."""
    path = site.with_name(PASSWORD)
    write_whole(path, typed + "\n", 0o600)
    give_to_agent(path)
    return PASSWORD


def give_to_agent(path: Path) -> None:
    """Let the agent's user own a secret that root has written; where there is no such user yet, it stays root's."""
    if os.geteuid() == 0:
        with suppress(KeyError, OSError):
            user = pwd.getpwnam(AGENT)
            os.chown(path, user.pw_uid, user.pw_gid)
