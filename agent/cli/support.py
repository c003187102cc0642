"""``plantgate support``: one file for whoever maintains the box: findings, state, log, site file; no secrets."""

from __future__ import annotations

import hashlib
import io
import json as jsonlib
import os
import platform
import re
import ssl
import sys
import tarfile
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from agent import __version__
from agent.cli.doctor import opened, told
from agent.clock import SystemClock
from agent.control_client import NoAnswer, NobodyThere, Visit
from agent.doctor.examination import examine, fields
from agent.doctor.finding import size
from agent.doctor.redact import redacted
from agent.keys import key_path
from agent.support import site_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agent.doctor.case import Case
    from agent.doctor.examination import Field
    from agent.doctor.finding import Finding
    from agent.doctor.machine import Machine

MOST_BYTES: Final = 8 * 2**20
"""Of one text; of a longer one the end is kept, which is the newest."""
MOST_FILES: Final = 64
LOG_LINES: Final = 3000
_LARGEST_SECRET: Final = 256 * 1024
_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")

Out = Annotated[Path | None, typer.Option(metavar="FILE.tar.gz", help="Where to write it (here, named by gateway).")]
SitePath = Annotated[Path, typer.Argument(metavar="SITE.toml", help="The site file.")]


def support(site: SitePath, out: Out = None) -> None:
    """Pack what whoever maintains this wants to see into one file: findings, state, log, site file, versions, sizes.

    Use it when asking for help. No secrets are in it: passwords and private keys are taken out. What is inside and how
    large it is, is printed. With sudo it sees more. Exit code 0: written; 1: it could not be; 2:
    wrong use of this command.
    """
    clock = SystemClock()
    wall_ms = clock.wall_ms()
    case = opened(site, wall_ms)
    print("plantgate: looking at everything …", file=sys.stderr)
    findings = list(examine(case, fields(clock.mono_ns)))
    secrets = list(known_secrets(case))
    texts = {name: redacted(_bounded(text), secrets) for name, text in gathered(case, findings).items()}
    target = out or Path(_default_name(case, wall_ms))
    try:
        written = write(target, texts, wall_ms // 1000)
    except OSError as error:
        print(f"plantgate: {target}: {error.strerror or error}", file=sys.stderr)
        raise typer.Exit(1) from None
    for name, text in sorted(texts.items()):
        print(f"{size(len(text.encode())):>12}  {name}")
    print(f"{size(written):>12}  {target}  (packed; readable by you alone)")
    print(f"no passwords and no private keys are in it; see for yourself: tar -xzf {target}")


def _default_name(case: Case, wall_ms: int) -> str:
    gateway = case.site.gateway.id if case.site is not None else "box"
    return f"plantgate-support-{gateway}-{datetime.fromtimestamp(wall_ms / 1000, UTC):%Y%m%dT%H%M%SZ}.tar.gz"


# --- what goes in ------------------------------------------------------------------------------------------------


def gathered(case: Case, findings: list[tuple[Field, list[Finding]]]) -> dict[str, str]:
    """Return every text by its name in the bundle. What could not be had says why."""
    machine = case.machine
    texts = {
        "README.txt": README,
        "doctor.json": jsonlib.dumps(told(case, findings), ensure_ascii=False, indent=1),
        "doctor.txt": _findings(findings),
        "versions.txt": _versions(machine),
        "site.toml": _site(case),
        "store.txt": _store(case),
        "units.txt": machine.run(["systemctl", "status", "--no-pager", "--lines=0", "plantgate*"]) or NO_UNITS,
        "journal.txt": machine.run(["journalctl", "--no-pager", "--unit=plantgate*", f"--lines={LOG_LINES}"])
        or NO_JOURNAL,
    }
    return texts | {f"agent/{name}": text for name, text in _from_agent(case).items()}


NO_UNITS: Final = "systemd does not run here, or does not answer\n"
NO_JOURNAL: Final = "the journal could not be read: run this with sudo, or as a member of the group systemd-journal\n"
README: Final = """What plantgate packed about one box for whoever maintains it. Made by: plantgate support SITE.toml

doctor.txt, doctor.json   what is wrong with the box (docs/doctor.md explains each by its id)
agent/                    what the running agent says of itself
site.toml                 the site file without its remarks, secrets masked with ***
store.txt                 names, sizes, owners and modes of the files in the state directory
journal.txt, units.txt    the log of the units, and how they are
versions.txt              plantgate, Python, libraries, operating system
"""


def _findings(findings: list[tuple[Field, list[Finding]]]) -> str:
    lines: list[str] = []
    for field, found in findings:
        for one in found:
            lines.append(f"{one.severity.value:8} {field.name}: {one.id}: {one.where}: {one.what.en}")
            lines += [f"{'':8} -> {one.mend}"] if one.mend else []
    return "\n".join(lines) + "\n"


def _versions(machine: Machine) -> str:
    release = machine.text("/etc/os-release") or ""
    kernel = machine.text("/proc/version") or platform.version()
    packages = sorted({f"{one.metadata['Name']} {one.version}" for one in distributions()}, key=str.lower)
    model = (machine.text("/proc/device-tree/model") or platform.machine()).strip("\0\n")
    lines = [f"plantgate {__version__}", f"Python {sys.version}", ssl.OPENSSL_VERSION, model, kernel.strip(), release]
    return "\n".join([*lines, *packages]) + "\n"


def _site(case: Case) -> str:
    assert case.path is not None
    return site_text(case.path)


def _store(case: Case) -> str:
    if case.site is None:
        return "the site file has mistakes, so that the state directory is not known\n"
    folder = case.site.gateway.state_dir
    try:
        rows = [(entry.name, entry.lstat()) for entry in sorted(folder.iterdir())[:1000]]
    except OSError as error:
        return f"{folder}: {error.strerror}\n"
    shown = [f"{st.st_mode:07o} {st.st_uid:5} {st.st_gid:5} {st.st_size:14} {name}" for name, st in rows]
    return "\n".join([str(folder), *shown]) + "\n"


def _from_agent(case: Case) -> dict[str, str]:
    """Return what the running agent packs itself; an older one at least tells its status."""
    if case.site is None:
        return {}
    try:
        with Visit(case.site.gateway.state_dir) as visit, suppress(NoAnswer):
            return _safe(visit.ask({"do": "support"}).get("files"))
        with Visit(case.site.gateway.state_dir) as visit:
            return {"status.json": jsonlib.dumps(visit.ask({"do": "status"}), ensure_ascii=False, indent=1)}
    except (NobodyThere, NoAnswer) as reason:
        return {"away.txt": f"{reason}\n"}


def _safe(files: Any) -> dict[str, str]:
    """Return files under names that stay where they belong, and few enough."""
    if not isinstance(files, dict):
        return {"away.txt": "the agent packed nothing\n"}
    named = ((_NAME.sub("_", str(name)).lstrip("._") or "unnamed", text) for name, text in files.items())
    few = list(named)[:MOST_FILES]
    return {name[:100]: text if isinstance(text, str) else jsonlib.dumps(text) for name, text in few}


def _bounded(text: str) -> str:
    return text if len(text) <= MOST_BYTES else f"(only the end of {len(text)} characters)\n{text[-MOST_BYTES:]}"


# --- what must not -----------------------------------------------------------------------------------------------


def known_secrets(case: Case) -> Iterator[bytes]:
    """Yield the secrets of this site, as far as we may read them, so that they can be looked for by value."""
    if case.site is None:
        return
    site, uplink = case.site, case.site.uplink
    paths = [key_path(site.gateway.state_dir)]
    paths += [path for path in (uplink and uplink.password_file, uplink and uplink.key_file) if path]
    paths += [Path(device.spec.sm4_key_file) for device in site.devices if device.spec.sm4_key_file]
    for path in paths:
        with suppress(OSError):
            if path.stat().st_size <= _LARGEST_SECRET:
                yield path.read_bytes()


# --- the file ----------------------------------------------------------------------------------------------------


def write(target: Path, texts: Mapping[str, str], wall_s: int) -> int:
    """Write the bundle, readable by its maker alone; return its size. An existing file is replaced. Raises OSError."""
    listed = {**texts, "MANIFEST.txt": _manifest(texts)}
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with open(handle, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as bundle:  # noqa: PTH123 -- its mode
            for name, text in sorted(listed.items()):
                data = text.encode("utf-8", "replace")
                info = tarfile.TarInfo(f"plantgate-support/{name}")
                info.size, info.mode, info.mtime = len(data), 0o600, max(0, wall_s)
                bundle.addfile(info, io.BytesIO(data))
        aside.replace(target)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    return target.stat().st_size


def _manifest(texts: Mapping[str, str]) -> str:
    rows = ((name, text.encode("utf-8", "replace")) for name, text in sorted(texts.items()))
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {len(data):9}  {name}\n" for name, data in rows)
