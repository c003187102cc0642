"""``plantgate report``: the acceptance report of an installation, read live, for A4, tied to the signed chain."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from agent import __version__
from agent.cli.devices import loaded, running_agent
from agent.cli.export import new_file
from agent.clock import SystemClock, ts
from agent.control_client import NoAnswer, NobodyThere, Visit
from agent.keys import KeyProblem, SigningKey, fingerprint, key_path
from agent.proof.collect import NoKey, public_key
from agent.record import digest
from agent.report.acceptance import Language, Paper, acceptance_page
from agent.report.direct import read_directly
from agent.report.gather import Acceptance, Asked, gather
from agent.rules.binding import bound
from agent.rules.listing import listing, waits_of
from buffer.errors import OutboxError
from buffer.evidence import Evidence

if TYPE_CHECKING:
    from agent.rules.binding import Bound
    from config.site import Site

_LOOKS: Final = 4
"""Lines of the agent's view, a second apart, over which utilisation is told."""
_LONGEST_NAME: Final = 200

SitePath = Annotated[Path, typer.Argument(metavar="SITE.toml", help="The site file of the installation.")]
Commissioning = Annotated[
    bool, typer.Option("--commissioning", help="The acceptance report (the only kind there is so far).")
]
Installer = Annotated[str, typer.Option("--installer", metavar="NAME", help="Who installed it, and signs.")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE.html", help="Where to; a file that exists is not touched.")
]
Lang = Annotated[str | None, typer.Option("--lang", metavar="zh|en", help="Its language; the site's, if not given.")]


def report(
    site: SitePath, installer: Installer, commissioning: Commissioning = False, out: Out = None, lang: Lang = None
) -> None:
    """Write the acceptance report of an installation: every device and point, read now. Use it before you drive away.

    Beside the readings: line quality, rules and what they lack, platform, clock, store, key, and everything that is
    still open; with lines to sign on. The running agent signs a record that carries the SHA-256 of the page.

    Exit 0 when every point was read, 1 when any was not, 2 on wrong usage.
    """
    if not commissioning:
        raise typer.BadParameter("say which report: --commissioning")
    name = installer.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise typer.BadParameter(f"--installer: want a name, at most {_LONGEST_NAME} characters on one line")
    checked = loaded(site)
    language = _language(lang, checked)
    clock = SystemClock(trusted=checked.gateway.clock == "trusted")
    made = ts(clock.wall_ms()) or ""
    path = new_file(out or Path(f"commissioning-{checked.gateway.id}-{made[:10]}.html"))
    found = gather(checked, _asked(checked, clock))
    page = acceptance_page(checked, found, _paper(checked, language, name, made))
    path.write_bytes(page)
    _tell(path, found, language)
    if found.asked.is_running:
        _have_signed(checked, name, page, found)
    else:
        _warn("no signed record: the agent does not run")
    raise typer.Exit(0 if found.is_whole else 1)


def _language(lang: str | None, site: Site) -> Language:
    if lang is None:
        return site.gateway.language
    if lang not in ("zh", "en"):
        raise typer.BadParameter(f"--lang: {lang!r} is none; want zh or en")
    return "en" if lang == "en" else "zh"


def _paper(site: Site, lang: Language, installer: str, made: str) -> Paper:
    return Paper(
        lang=lang,
        installer=installer,
        made=made,
        software=f"plantgate {__version__}",
        cfg=digest(site.meaning),
        fingerprint=_fingerprint(site),
    )


def _fingerprint(site: Site) -> str:
    """Return the key's name for people: from the chain, which anybody who may read it can tell, else from the key."""
    try:
        with Evidence.opened(site.gateway.state_dir) as evidence:
            return fingerprint(public_key(evidence))
    except (OutboxError, NoKey):
        pass
    try:
        return fingerprint(SigningKey.load(key_path(site.gateway.state_dir)).public)
    except KeyProblem as problem:
        _warn(f"the key's fingerprint is not known: {problem}")
        return ""


# --- asking ----------------------------------------------------------------------------------------------------------


def _asked(site: Site, clock: SystemClock) -> Asked:
    """Ask the running agent, or the devices themselves."""
    agent = running_agent(site)
    applied = bound(site)
    if agent is None:
        clock.look()
        devices, quality = read_directly(site, clock)
        return Asked(devices=devices, quality=quality, rules=listing(applied), clock=clock.quality())
    with agent:
        try:
            return _asked_of(agent, site, applied)
        except NoAnswer as reason:
            _warn(str(reason))
            raise typer.Exit(1) from None


def _asked_of(agent: Visit, site: Site, applied: Bound) -> Asked:
    with Visit(site.gateway.state_dir) as other:  # a connection that is told lines answers nothing else
        looks = list(_looks(other))
    devices: dict[str, Any] = agent.ask({"do": "read"})["devices"]
    status = agent.ask({"do": "status"})
    health = status["health"]
    return Asked(
        devices=devices,
        quality={"buses": looks[-1]["buses"], "devices": health["devices"]},
        rules=listing(applied, waits_of(agent.ask({"do": "rules"})["rules"])),
        clock=status["clock"],
        status=status,
        alarms=agent.ask({"do": "alarms"})["alarms"],
    )


def _looks(agent: Visit) -> Iterator[dict[str, Any]]:
    """Yield some lines of the agent's view."""
    for number, line in enumerate(islice(agent.lines({"do": "watch"}), _LOOKS), 1):
        if sys.stderr.isatty():
            print(f"\r\x1b[Kwatching the lines {number} / {_LOOKS} …", end="", file=sys.stderr, flush=True)
        yield line
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


# --- signing and telling ---------------------------------------------------------------------------------------------


def _have_signed(site: Site, installer: str, page: bytes, found: Acceptance) -> None:
    """Have the running agent sign a record with the page's hash, and print where it stands."""
    digest_of_page = sha256(page).hexdigest()
    words = {"do": "commissioned", "installer": installer, "sha256": digest_of_page, "summary": found.summary()}
    try:
        with Visit(site.gateway.state_dir) as agent:
            answer = agent.ask(words)
    except (NobodyThere, NoAnswer) as reason:
        _warn(f"no signed record: {reason}")
        raise typer.Exit(1) from None
    if not isinstance(answer.get("wire"), str):
        _warn("no signed record: the store does not take records at the moment")
        raise typer.Exit(1)
    print(f"  signed in record {answer['seq']}, id {answer['id']}")
    print(f"  sha256 {digest_of_page}")
    if json.loads(answer["wire"]).get("cfg") != digest(site.meaning):
        _warn("the agent runs on another configuration than this site file: systemctl reload plantgate")


def _tell(path: Path, found: Acceptance, lang: Language) -> None:
    told = found.summary()
    print(f"{path}: {told['points_read']} of {told['points']} points read, {told['findings']} open findings")
    for one in found.open:
        print(f"  - {one.zh if lang == 'zh' else one.en}")


def _warn(words: str) -> None:
    print(f"plantgate: {words}", file=sys.stderr)
