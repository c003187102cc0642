"""Makes a bundle: the records of a period and everything beside them, in the order in which each can be written."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from agent.clock import ts
from agent.keys import fingerprint, published
from agent.proof.bundle import HOWTO, KEY, KIND, MANIFEST, REPORT, SIGNATURE, Binder, By, written
from agent.proof.collect import Collected, Collection
from agent.proof.howto import HOWTO as HOWTO_TEXT
from agent.proof.page import About, report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from zipfile import ZipFile

    from agent.proof.survey import Found, Survey
    from agent.record import PublicKey
    from buffer.evidence import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for, by whom and why. Times are ms since 1970; `until_ms` is not included."""

    gateway: str
    name: Mapping[str, str]
    timezone: str
    since_ms: int
    until_ms: int
    made_ms: int
    software: str
    who: str
    uid: int
    reason: str
    set_aside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seal:
    """Who will vouch for the manifest, why nobody better does, and what makes the signature of its bytes."""

    by: By
    why: str
    make: Callable[[bytes, int], bytes | None]
    """The bytes of a manifest and the count of records in; the signature's file out."""


def make(
    archive: ZipFile,
    evidence: Evidence,
    known: Survey,
    found: Found,
    order: Order,
    key: PublicKey,
    seal: Seal,
    progress: Callable[[int], None],
) -> Collected:
    """Write the bundle into `archive`. Raises `StoreFailed`, and whatever `seal` raises."""
    binder = Binder(archive, _moment(order.made_ms))
    collected = Collection(evidence, known, found, [key], progress).into(binder)
    binder.put(KEY, written(published(key)))
    about = _about(order, evidence, found, key, seal, collected)
    binder.put(REPORT, report(about, collected.story, collected.walked.report))
    binder.put(HOWTO, HOWTO_TEXT)
    manifest = written(_manifest(binder, order, evidence, seal, collected))
    signature = seal.make(manifest, collected.walked.report.records)
    binder.put(MANIFEST, manifest)
    if signature is not None:
        binder.put(SIGNATURE, signature)
    return collected


def _manifest(binder: Binder, order: Order, evidence: Evidence, seal: Seal, collected: Collected) -> dict[str, Any]:
    return {
        "type": KIND,
        "v": 1,
        "gateway": order.gateway,
        "name": dict(order.name),
        "chain": evidence.chain,
        "period": {"from": ts(order.since_ms), "to": ts(order.until_ms), "timezone": order.timezone},
        "records": {
            "count": collected.walked.report.records,
            "first": asdict(collected.first),
            "last": asdict(collected.last),
        },
        "made": ts(order.made_ms),
        "software": order.software,
        "asked_by": {"who": order.who, "uid": order.uid},
        "reason": order.reason,
        "signature": {"by": seal.by, "why": seal.why},
        "files": {name: asdict(hashed) for name, hashed in binder.files.items()},
    }


def _about(order: Order, evidence: Evidence, found: Found, key: PublicKey, seal: Seal, collected: Collected) -> About:
    return About(
        gateway=order.gateway,
        name=order.name,
        chain=evidence.chain,
        timezone=order.timezone,
        since=ts(order.since_ms) or "",
        until=ts(order.until_ms) or "",
        made=ts(order.made_ms) or "",
        software=order.software,
        who=f"{order.who} (uid {order.uid})",
        reason=order.reason,
        key=key.kid,
        fingerprint=fingerprint(key),
        signed=[_SIGNED[seal.by], *([seal.why] if seal.why else [])],
        absent=_absent(collected, order),
        first=found.first,
        last=found.last,
    )


def _absent(collected: Collected, order: Order) -> list[str]:
    told = [f"{count}: {_WHY[why]}" for why, count in sorted(collected.absent.counts.items())]
    aside = [f"{_SET_ASIDE}: {name}" for name in order.set_aside]
    return [*(told or ["没有缺号. No number is missing."]), *aside]


_SIGNED: Final[Mapping[By, str]] = {
    "chain": "网关在链中签署文件清单 (manifest.sig.json). The gateway signs the list of files in its chain.",
    "key": "网关程序未运行, 文件清单由其私钥签署. The agent did not run; its key alone signs the list of files.",
    "nobody": "文件清单无人签署, 仅各记录自身可证. Nobody signs the list of files; only the records prove themselves.",
}
_WHY: Final = {
    "signed-away": "缺口记录已说明 accounted for by a signed gap",
    "let-go": "已送达平台, 本机已按保存期限删除 delivered, then let go by this gateway: the platform has them",
    "decayed": "存储损坏, 不可读 decayed in the store",
    "unknown": "原因不明 not in the store, and nothing says why",
}
_SET_ASIDE: Final = "曾有损坏的存储被移开, 其中可能有记录. A damaged store was set aside; records may be in it"


def _moment(at_ms: int) -> tuple[int, int, int, int, int, int]:
    """Return a date as a zip file can hold it, UTC: from 1980."""
    told = datetime.fromtimestamp(at_ms / 1000, UTC)
    return (max(1980, told.year), told.month, told.day, told.hour, told.minute, told.second)
