"""Every field in its order, each with a time limit. A look that fails is a finding itself, never a traceback."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Thread
from typing import TYPE_CHECKING, Final, TypeVar

from agent.doctor import (
    board,
    broker,
    clock,
    disk,
    keys,
    lines,
    panel,
    permissions,
    ports,
    running,
    site,
    store,
    units,
)
from agent.doctor.finding import find
from config.site import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agent.doctor.case import Case
    from agent.doctor.finding import Finding

T = TypeVar("T")

LIMIT_S: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: its name in `--json`, its words for people, and the look at it."""

    name: str
    words: Text
    look: Callable[[Case], list[Finding]]
    limit_s: float = LIMIT_S


def fields(mono_ns: Callable[[], int]) -> tuple[Field, ...]:
    """Return all fields; `mono_ns` is a clock that never steps."""

    def whole_store(case: Case) -> list[Finding]:
        return store.look(case, mono_ns)

    rows: Sequence[tuple[str, str, str, Callable[[Case], list[Finding]]]] = (
        ("site", "配置文件", "site file", site.judge),
        ("permissions", "文件权限", "permissions", permissions.look),
        ("agent", "代理程序", "agent", running.look),
        ("units", "系统服务", "units", units.look),
        ("ports", "串口", "serial ports", ports.look),
        ("lines", "线路", "lines", lines.look),
        ("clock", "时钟", "clock", clock.look),
        ("disk", "磁盘", "disk", disk.look),
        ("store", "存储", "store", whole_store),
        ("key", "签名密钥", "key", keys.look),
        ("broker", "平台链路", "broker", broker.look),
        ("panel", "面板", "panel", panel.look),
        ("board", "主板", "board", board.look),
    )
    more = {"store": store.CHECK_S + LIMIT_S, "broker": 2 * LIMIT_S}
    return tuple(
        Field(name=name, words=Text(zh, en), look=look, limit_s=more.get(name, LIMIT_S)) for name, zh, en, look in rows
    )


def examine(case: Case, order: Sequence[Field]) -> Iterator[tuple[Field, list[Finding]]]:
    """Look at one field after the other; a field about which there is nothing to say yields nothing."""
    for one in order:
        found = examined(case, one)
        if found:
            yield one, found


def examined(case: Case, one: Field) -> list[Finding]:
    """Return what a look found, or why there is nothing."""
    found = within(
        one.limit_s,
        lambda: one.look(case),
        late=lambda: [find("check-slow", one.name, seconds=f"{one.limit_s:.0f}")],
        failed=lambda error: [find("check-failed", one.name, error=f"{type(error).__name__}: {error}")],
    )
    return [replace(finding, mend=finding.mend.replace("SITE.toml", case.named)) for finding in found]


def within(limit_s: float, work: Callable[[], T], *, late: Callable[[], T], failed: Callable[[Exception], T]) -> T:
    """Return what `work` returns, or what is said of its failure. What is stuck is left behind: we end soon."""
    done: list[Callable[[], T]] = []

    def body() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is told
            reason = error
            done.append(lambda: failed(reason))
        else:
            done.append(lambda: result)

    thread = Thread(target=body, name="look", daemon=True)
    thread.start()
    thread.join(limit_s)
    return done[0]() if done else late()
