"""What tests of bundles have in common: making one, taking it apart, and putting it together otherwise."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING
from zipfile import ZipFile, ZipInfo

from agent.proof.bundle import sealed
from agent.proof.check import Checked, check
from agent.proof.make import Order, Seal, make
from agent.proof.survey import find, survey
from buffer.evidence import Evidence
from tests.agent.proof.chains import DAY_MS, GATEWAY, KEY, MIDNIGHT_MS, NAME, Gateway

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.record import PublicKey

ORDER = Order(
    gateway=GATEWAY,
    name=NAME,
    timezone="Asia/Shanghai",
    since_ms=MIDNIGHT_MS,
    until_ms=MIDNIGHT_MS + DAY_MS,
    made_ms=MIDNIGHT_MS + 3 * DAY_MS,
    software="plantgate 0.1.0",
    who="wang",
    uid=1000,
    reason="case 17",
)
BY_KEY = Seal("key", "the agent does not run", lambda manifest, _: sealed(manifest, KEY))
UNSIGNED = Seal("nobody", "the agent does not run", lambda _manifest, _records: None)

Files = dict[str, bytes]


def by_chain(box: Gateway) -> Seal:
    """Return the seal of a running agent: a record of its chain."""

    def signed(manifest: bytes, records: int) -> bytes:
        return box.event("exported", sha256=sha256(manifest).hexdigest(), records=records).wire + b"\n"

    return Seal("chain", "", signed)


def bundle(box: Gateway, seal: Seal | None = None, order: Order = ORDER) -> bytes:
    """Return a bundle of the day, as a file."""
    stream = BytesIO()
    with Evidence.opened(box.directory) as evidence, ZipFile(stream, "w") as archive:
        known = survey(evidence)
        found = find(evidence, known, order.since_ms, order.until_ms, lambda _: None)
        assert found is not None
        make(archive, evidence, known, found, order, KEY.public, seal or by_chain(box), lambda _: None)
    return stream.getvalue()


def files(data: bytes) -> Files:
    """Return what is in a bundle."""
    with ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(contents: Mapping[str, bytes]) -> bytes:
    """Return an archive of these files."""
    stream = BytesIO()
    with ZipFile(stream, "w") as archive:
        for name, data in contents.items():
            archive.writestr(ZipInfo(name), data)
    return stream.getvalue()


def checked(data: bytes, *keys: PublicKey) -> Checked:
    """Return the verdict on a bundle."""
    return check(BytesIO(data), keys)


def words(verdict: Checked) -> set[str]:
    """Return everything that is wrong, in one word each."""
    return {fault.word.value for fault in verdict.faults} | set(verdict.report.counts)


def records(wires: Sequence[bytes]) -> bytes:
    """Return records as a file."""
    return b"".join(wire + b"\n" for wire in wires)
