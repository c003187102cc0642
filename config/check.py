"""What must fit together in a site file, beyond the shape of each table: every rule, run on whatever could be read.

Order of one check: names, references, uplink and files, buses, addresses, times, points, limits, derived points, the
plant, rules, what this version cannot do.
Rules never stop at a mistake and never look at a value that is itself one (`Entry.ok`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.addresses import check_addresses
from config.buses import check_buses
from config.derivation import check_derived
from config.facilities import check_plant
from config.judging import check_rules
from config.known import known_points, points_by_name
from config.points import check_points
from config.references import check_names, check_references
from config.reporting import check_reporting
from config.secrets_on_disk import check_files, check_sm4_key
from config.telegrams import check_telegrams
from config.thresholds import check_limits
from config.values import host_of, is_loopback

if TYPE_CHECKING:
    from pathlib import Path

    from config.devices import DeviceEntry
    from config.entry import Entry
    from config.findings import Findings
    from config.judging import JudgeRules
    from config.schema import AnnunciatorTable, MqttTable, PanelTable
    from config.tables import Document, FrontTables


def check(document: Document, root: Path, findings: Findings, judge_rules: JudgeRules | None = None) -> None:
    """Note everything in `document` that does not fit together. Relative paths in it count from `root`.

    `judge_rules` knows the catalogue of rules; without it, their parameters are only looked at for their form.
    """
    known = known_points(document)
    check_names(document, findings)
    check_references(document, known, findings)
    if document.mqtt:
        check_files(document.mqtt, root, findings)
        _check_uplink(document.mqtt, findings)
    check_front(document, findings)
    check_buses(document, findings)
    check_addresses(document, findings)
    for device in document.devices:
        check_reporting(device, findings)
        _check_model(device, findings)
        check_sm4_key(device.entry, device.protocol, root, findings)
        check_points(device, findings)
        check_telegrams(device, findings)
    check_limits(document, points_by_name(document.devices), findings)
    check_derived(document.derived, known, findings)
    check_plant(document, known, findings)
    check_rules(document, judge_rules, findings)
    _say_what_waits(document, findings)


def check_front(front: FrontTables | Document, findings: Findings) -> None:
    """Note what does not fit together in ``[panel]`` and ``[annunciator]``."""
    if front.panel:
        _check_panel(front.panel, findings)
    if front.annunciator:
        _check_annunciator(front.annunciator, findings)
        if front.panel is None:
            findings.remark("annunciator: the panel drives it, and there is no [panel]; light and horn stay off")


def _check_panel(panel: Entry[PanelTable], findings: Findings) -> None:
    """Note a certificate without its key, files without TLS, and passwords that would travel in clear text.

    Whether the files can be used is the panel's own look-out: they are another user's.
    """
    written, table = panel.written, panel.table
    is_clear = panel.ok("tls") and table.tls is False
    files = sorted(written & {"cert_file", "key_file"})
    if files and is_clear:
        what, hint = f"{files[0]}: has no meaning without TLS", "write tls = true, or leave it out"
        findings.mistake(panel.at(files[0]), panel.where, what, hint=hint)
    elif len(files) == 1:
        other = {"cert_file": "key_file", "key_file": "cert_file"}[files[0]]
        what, hint = f"{files[0]}: without {other}", f"write {other} = … as well"
        findings.mistake(panel.at(files[0]), panel.where, what, hint=hint)
    if panel.given("listen") and is_clear and not is_loopback(host_of(table.listen)):
        findings.remark("panel: passwords and readings travel in clear text (tls = false beyond this machine)")


def _check_annunciator(annunciator: Entry[AnnunciatorTable], findings: Findings) -> None:
    """Note an annunciator with nothing to show on, a pin with two tasks, and a command that depends on a search path.

    Whether the pins can be had, and the command run, is the panel's own look-out: it is another user.
    """
    table, where = annunciator.table, annunciator.where
    if not annunciator.written & {"light", "horn", "command"}:
        hint = 'write light = "GPIO17" or horn = "GPIO27", or command = ["/usr/local/bin/…"]'
        findings.mistake(annunciator.path, where, "has nothing to show an alarm on", hint=hint)
    tasks: dict[str | None, str] = {}
    for key in filter(annunciator.given, ("light", "horn", "silence")):
        pin = getattr(table, key)
        if (other := tasks.setdefault(pin, key)) != key:
            what, hint = f"{key}: {other} has this pin already", "give each a pin of its own"
            findings.mistake(annunciator.at(key), where, what, value=pin, hint=hint)
    if annunciator.given("command") and not (table.command and table.command[0].startswith("/")):
        what, hint = "command: needs the whole path of a program", 'write command = ["/usr/local/bin/…"]'
        findings.mistake(annunciator.at("command"), where, what, value=table.command, hint=hint)


def _check_uplink(mqtt: Entry[MqttTable], findings: Findings) -> None:
    """Note credentials that do not go together, and the acknowledgement this version cannot give."""
    written = mqtt.written
    for key, other in (("cert_file", "key_file"), ("key_file", "cert_file"), ("password_file", "username")):
        if key in written and other not in written:
            findings.mistake(mqtt.at(key), mqtt.where, f"{key}: without {other}", hint=f"write {other} = … as well")
    if mqtt.ok("url") and not mqtt.table.url.tls:
        for key in sorted(written & {"ca_file", "cert_file", "key_file"}):
            what = f"{key}: has no meaning without TLS"
            findings.mistake(mqtt.at(key), mqtt.where, what, hint='write url = "mqtts://…", or leave it out')
        if "password_file" in written:
            findings.remark("uplink.mqtt: the password travels in clear text (mqtt://); mqtts:// hides it")
    if mqtt.ok("ack") and mqtt.table.ack == "platform":
        what = "ack: this version takes the broker's acknowledgement only"
        findings.mistake(mqtt.at("ack"), mqtt.where, what, value="platform", hint='write ack = "broker"')


def _check_model(device: DeviceEntry, findings: Findings) -> None:
    """Note a device of which nothing is read or can be understood; remark on a model that few have tried."""
    entry, model = device.entry, device.model
    if device.protocol == "ascii" and not device.model and device.is_known:
        what = "protocol: ascii needs a model, which says what the lines look like"
        findings.mistake(entry.at("protocol"), entry.where, what, value="ascii", hint='write model = "…"')
    if device.is_known and not device.points:
        findings.mistake(entry.path, entry.where, "has nothing to read", hint="describe its points: [[device.point]]")
    if model and not model.verified:
        findings.remark(f'{entry.where}: model "{model.name}" is unverified; compare its readings with its display')


def _say_what_waits(document: Document, findings: Findings) -> None:
    """Remark on what is checked and kept, but not acted on yet; and on what is not there."""
    if document.rules and document.rules.ok("packs") and document.rules.table.packs == []:
        findings.remark("rules: packs is empty, so no rule is judged")
    if document.mqtt is None:
        findings.remark("uplink: none, so records are kept on this box and sent nowhere")
    elif document.mqtt.ok("platform_keys") and document.mqtt.table.platform_keys:
        findings.remark("uplink.mqtt platform_keys: checked, but this version obeys no commands")
    if not document.devices:
        findings.remark("device: none, so nothing is read")
