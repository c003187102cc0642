"""``{"do": "support"}``: what somebody far away needs to see what is wrong with a box, without its secrets.

    {"files": {"status.json": "…", "site.toml": "…", "log.txt": "…", "machine.json": "…", "records.jsonl": "…"}}

Key material and files that hold secrets are never read into it. Masked are, in the site file, values whose
name sounds like a secret (the log masks its own), and wherever they stand who comes before the host in a URL, blocks of
keys, and whatever the site's own secret files hold. Remarks of the site file are left out: they may say anything.
Called on the thread of the queries.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.board import disk, process
from agent.log import recent
from agent.look_back import USUAL, Wanted
from buffer.errors import OutboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from buffer.journal import Journal
    from config.site import Site

MASK: Final = "***"
MOST_RECORDS: Final = 200
LONGEST_SITE: Final = 1024 * 1024
"""Characters of a site file that are told."""
_LONGEST_SECRET: Final = 4096
_SHORTEST_SECRET: Final = 4
_SOUNDS: Final = r"pass|secret|token|credential|private|key|pwd|密码|口令|密钥|令牌"
_VALUE: Final = re.compile(
    rf"(?P<name>[\w.\"'-]*(?:{_SOUNDS})[\w.\"'-]*\s*[=:]\s*)"
    r"(?P<value>\"\"\".*?\"\"\"|'''.*?'''|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[^\s,}\]#]+)",
    re.IGNORECASE | re.DOTALL,
)
_REMARK: Final = re.compile(
    r"(?P<text>\"\"\".*?\"\"\"|'''.*?'''|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*')|[ \t]*#[^\n]*", re.DOTALL
)
"""A remark, or a text, in which a # is none."""
_USERINFO: Final = re.compile(r"(?<=://)[^\s\"']+(?=@)")
_PEM: Final = re.compile(r"-----BEGIN [^-]+-----.*?(?:-----END [^-]+-----|\Z)", re.DOTALL)
_OS_RELEASE: Final = Path("/etc/os-release")
_PACKAGES: Final = (
    "pymodbus",
    "minimalmodbus",
    "pyserial",
    "paho-mqtt",
    "tenacity",
    "orjson",
    "cryptography",
    "pydantic",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is told of: the site as it runs, how the agent says it is, and what is kept."""

    site: Site
    standing: Mapping[str, Any]
    journal: Journal


def files(about: Subject) -> dict[str, str]:
    """Return the files by name."""
    words = secrets_of(about.site)
    told: dict[str, Callable[[], str]] = {
        "status.json": lambda: _json(about.standing),
        "machine.json": lambda: _json(machine(about.site.gateway.state_dir)),
        "site.toml": lambda: site_text(about.site.path),
        "log.txt": lambda: "".join(f"{line}\n" for line in recent()),
        "records.jsonl": lambda: _records(about.journal),
    }
    return {name: hidden(make(), words) for name, make in told.items()}


def site_text(path: Path) -> str:
    """Return a site file's text as it lies there now, with everything masked that could be a secret."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return masked(file.read(LONGEST_SITE))
    except OSError as error:
        return f"# it cannot be read: {error.strerror}\n"


def masked(text: str) -> str:
    """Return a text in TOML without remarks and secrets: names of secret files stay, what is in quotes does not."""
    text = _REMARK.sub(lambda found: found["text"] or "", _PEM.sub(MASK, text))
    return _USERINFO.sub(MASK, _VALUE.sub(_without_value, text))


def hidden(text: str, words: Iterable[str]) -> str:
    """Return a text in which no key, no user of a URL and none of `words` stands any more, nor as JSON escapes them."""
    for word in words:
        for escaped in (word, json.dumps(word, ensure_ascii=False)[1:-1], json.dumps(word)[1:-1]):
            text = text.replace(escaped, MASK)
    return _USERINFO.sub(MASK, _PEM.sub(MASK, text))


def secrets_of(site: Site) -> list[str]:
    """Return the secrets that the site's files hold, the longest first; those that cannot be read are in no text."""
    uplink = site.uplink
    paths = [Path(device.spec.sm4_key_file) for device in site.devices if device.spec.sm4_key_file]
    paths += [path for path in ((uplink.password_file,) if uplink else ()) if path is not None]
    found = {line.strip() for path in dict.fromkeys(paths) for line in _read(path).splitlines()}
    return sorted((word for word in found if len(word) >= _SHORTEST_SECRET), key=len, reverse=True)


def machine(state_dir: Path) -> dict[str, Any]:
    """Return what the program runs on: system, kernel, processor, memory, versions, disk."""
    return {
        "system": _system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "python": sys.version.split()[0],
        "packages": {name: _version(name) for name in _PACKAGES},
        "disk": disk(state_dir),
        "process": process(),
    }


def _without_value(found: re.Match[str]) -> str:
    name = found["name"].rstrip(" \t=:").strip("\"'")
    return found[0] if name.endswith("_file") else f'{found["name"]}"{MASK}"'


def _records(journal: Journal) -> str:
    """Return what happened lately, one record a line, the newest first."""
    try:
        page = journal.newest(Wanted(kinds=USUAL), limit=MOST_RECORDS)
    except OutboxError as reason:
        return f"{json.dumps({'error': str(reason)}, ensure_ascii=False)}\n"
    return "".join(f"{wire.decode('utf-8', 'replace')}\n" for wire in page.wires)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n"


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_LONGEST_SECRET)
    except OSError:
        return ""


def _system() -> str | None:
    names = (line.partition("=")[2].strip('"') for line in _read(_OS_RELEASE).splitlines() if line.startswith("PRETTY"))
    return next(names, None)


def _version(name: str) -> str | None:
    from importlib import metadata  # noqa: PLC0415  megabytes, and nobody may ever ask

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
