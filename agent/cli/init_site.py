"""The site file at the end of `plantgate init`: checked as every verb checks it, counted, put in its place."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from agent.cli.init_files import backed_up, write_whole
from agent.rules.binding import bound
from agent.rules.listing import listing
from agent.setup.steps_field import UNWANTED, place_of
from agent.sites import load_site
from config.problem import SiteProblems
from drivers.library import ModelProblems, NoSuchModel, find

if TYPE_CHECKING:
    from pathlib import Path

    from agent.setup.document import Document
    from agent.setup.words import Words
    from config.problem import Problem
    from config.site import Site

READABLE: Final = 0o644


def checked(text: str, target: Path) -> tuple[Site | None, tuple[Problem, ...]]:
    """Return the site that `text` describes beside `target`, or all that is wrong with it. Raises OSError."""
    draft = target.with_name(f".{target.name}.check")
    write_whole(draft, text, READABLE)
    try:
        return load_site(draft), ()
    except SiteProblems as refused:
        return None, tuple(replace(problem, file=target.name) for problem in refused.problems)
    finally:
        draft.unlink(missing_ok=True)


def put(target: Path, text: str) -> Path | None:
    """Write the site file; return where the old one is kept, if there was one. Raises OSError."""
    kept = backed_up(target)
    write_whole(target, text, READABLE)
    return kept


def counts(site: Site, document: Document) -> dict[str, object]:
    """Return what the summary tells."""
    rows = listing(bound(site))
    uplink = site.uplink
    return {
        "id": site.gateway.id,
        "broker": "-" if uplink is None else f"{uplink.host}:{uplink.port}{' TLS' if uplink.tls else ''}",
        "panel": document.get("panel", {}).get("listen", "-"),
        "buses": len(site.buses),
        "devices": len(site.devices),
        "points": sum(len(device.info) for device in site.devices),
        "noted": len(document.get("noted", [])),
        "facilities": len(site.plant.facilities),
        "lines": len(site.plant.lines),
        "outlets": len(site.plant.outlets),
        "rules": sum(1 for row in rows if row["active"]),
        "all": len(rows),
    }


def next_steps(target: Path, words: Words, *, has_panel: bool) -> list[str]:
    """Return what to type now, with why: on a box by systemd, elsewhere in this terminal."""
    if target.is_relative_to("/etc"):
        units = "plantgate plantgate-panel" if has_panel else "plantgate"
        steps = [(f"sudo plantgate read {target}", "check"), (f"sudo systemctl enable --now {units}", "run")]
        steps += [(f"sudo plantgate panel setup {target}", "panel")] if has_panel else []
        steps += [(f"sudo plantgate doctor {target}", "doctor")]
    else:
        steps = [(f"plantgate read {target}", "check"), (f"plantgate key make {target}", "key")]
        steps += [(f"plantgate run {target}", "foreground"), (f"plantgate doctor {target}", "doctor")]
    width = max(len(command) for command, _ in steps)
    return [words.text("end.next"), *(f"  {one.ljust(width)}   {words.text(f'end.next.{why}')}" for one, why in steps)]


# --- what is known from earlier ---------------------------------------------------------------------------------------


def said_in_file(path: Path) -> Document:
    """Return what a site file says, nothing where there is none. Raises OSError, ValueError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def memory_of(site: Document, answers: Document) -> Document:
    """Return what is proposed from an earlier site file, and from the conversation that made it.

    The file is believed; the conversation adds what no site file has: devices that were not wanted, scans.
    """
    devices = [{"protocol": _protocol(one), **one} for one in site.get("device", [])]
    unwanted = [one for one in answers.get("device", []) if one.get("take") in UNWANTED]
    conversation = {**answers.get("init", {}), "lines": [place_of(bus) for bus in site.get("bus", [])]}
    conversation.pop("finished", None)
    memory = {"init": conversation, "scan": answers.get("scan", []), **site, "device": devices + unwanted}
    return {key: value for key, value in memory.items() if value}


def _protocol(device: Document) -> str:
    try:
        return find(device["model"]).protocols[0] if "model" in device else "modbus"
    except (NoSuchModel, ModelProblems):
        return "modbus"


def remembered(memory: Document, document: Document) -> Document:
    """Return the answers of a conversation that came to its end: what the file says, and what was not wanted in it."""
    buses = [bus["name"] for bus in document.get("bus", [])]
    unwanted = [one for one in memory.get("device", []) if one.get("take") in UNWANTED and one.get("bus") in buses]
    unwanted = [one for one in unwanted if one["take"] != "comment"]
    unwanted += [{**one, "take": "comment"} for one in document.get("noted", [])]
    scans = [_wanted(one) for one in memory.get("scan", []) if one.get("bus") in buses]
    site = {key: value for key, value in document.items() if key != "noted"}
    site["device"] = [*document.get("device", []), *unwanted]
    conversation = {**memory.get("init", {}), "finished": True}
    return {"init": conversation, "scan": scans, **site}


def _wanted(scan: Document) -> Document:
    return {key: value for key, value in scan.items() if key != "result"}
