"""What is wrong with a line, in words, from what a sweep saw. Pure.

Nothing here is certain: each sentence says what was seen and what most often causes it, most likely first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from drivers.finding.overheard import is_garbage, other_master, text_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from drivers.finding.sweep import Found, Stage

MUCH_NOISE: Final = 0.02
"""Damaged answers per question from which a line counts as noisy."""
FEW: Final = 3
"""So many garbled addresses are theirs; more, and a tenth of all questions, are the line's. Where nothing but garbage
comes, two are enough."""
LEAST_DAMAGED: Final = 2


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to tell the installer, in both languages."""

    zh: str
    en: str


def remarks(stages: Sequence[Stage], found: Sequence[Found], *, echoes: int = 0) -> list[Remark]:
    """Return what is to be said of a line after the `stages` tried so far. `echoes` are requests heard back."""
    said = [*_shared(stages, found)]
    said += [one for stage in stages for about in (_skipped, _host, _noise, _unasked) if (one := about(stage))]
    if echoes:
        said.append(_echo(echoes, is_alone=not found))
    questions = sum(stage.questions for stage in stages)
    is_explained = echoes or any(stage.garbled or stage.unasked for stage in stages)
    if questions and not found and not is_explained:
        said.append(_nothing(questions, is_line=any(stage.settings for stage in stages)))
    return said


def is_hopeless(stage: Stage) -> bool:
    """Whether the whole setting gives garbage, so that no single address is to blame."""
    most = max(FEW, stage.questions // 10) if stage.answers else 1
    return len(stage.garbled) > most


def _skipped(stage: Stage) -> Remark | None:
    return Remark(f"未试 {stage.settings}：{stage.skipped}", f"not tried: {stage.skipped}") if stage.skipped else None


def _host(stage: Stage) -> Remark | None:
    if not stage.any_unit:
        return None
    return Remark(
        "该主机对任何单元号都应答：是一台设备，不是网关；按地址 1 读取",
        "the host answers for every unit id: it is one device, no gateway; read as unit 1",
    )


def _shared(stages: Sequence[Stage], found: Sequence[Found]) -> Iterator[Remark]:
    """Two devices with one address: only that address is garbled, every time it is asked, and at no setting sound."""
    told: set[object] = {one.address for one in found}
    for stage in stages:
        alone = [] if is_hopeless(stage) or 2 * len(stage.shared) < len(stage.garbled) else stage.shared
        if who := ", ".join(str(address) for address in alone if address not in told):
            yield Remark(
                f"地址 {who}（{_at(stage)}）：有应答但从不完整——两台设备地址相同（冲突），或接触不良",
                f"address {who} at {_at(stage)}: answers, but never a sound frame — two devices with one address "
                "(a collision), or a bad contact",
            )
        told.update(alone)


def _noise(stage: Stage) -> Remark | None:
    if is_hopeless(stage):
        return Remark(
            f"{_at(stage)}：几乎全是乱码——A/B 线接反、波特率或校验不对，或有干扰",
            f"garbage at {_at(stage)} — A and B swapped, wrong baud rate or parity, or interference",
        )
    damaged = len(stage.garbled) - len(stage.shared)
    if damaged < LEAST_DAMAGED or damaged <= MUCH_NOISE * stage.questions:
        return None
    return Remark(
        f"{_at(stage)}：{stage.questions} 次询问中有 {damaged} 次收到受损数据——有干扰：检查屏蔽、终端电阻和走线",
        f"noise at {_at(stage)}: {damaged} of {stage.questions} questions brought damaged bytes — check shield, "
        "termination and routing",
    )


def _echo(echoes: int, *, is_alone: bool) -> Remark:
    """Every request comes back. Where nobody else answers, the adapter hears only itself."""
    zh = f"转换器有回声（{echoes} 次）：请关闭回声，或在 [[bus]] 中写 echo = true"
    en = f"the adapter echoes what we send ({echoes} times): switch that off, or write echo = true in the [[bus]]"
    if is_alone:
        zh += "；除回声外无应答：A、B 线上接有设备吗？"
        en += "; nothing else answers: is anything connected to A and B?"
    return Remark(zh, en)


def _unasked(stage: Stage) -> Remark | None:
    heard = stage.unasked
    if stage.has_sender:
        return Remark(
            f"{_at(stage)}：此线上的仪表自动发送，因此未询问任何设备",
            f"the instrument at {_at(stage)} sends by itself and has the line to itself, so nobody was asked",
        )
    if not heard:
        return None
    zh, en = f"{_at(stage)}：未询问时收到 {len(heard)} 字节", f"{len(heard)} bytes came unasked at {_at(stage)}"
    if (unit := other_master(heard)) is not None:
        return Remark(
            f"{zh}——另有 Modbus 主站在轮询单元 {unit}：请先停止它",
            f"{en} — another Modbus master asks unit {unit}: stop it",
        )
    if is_garbage(heard):
        zh, en = (
            f"{zh}，均为乱码——仪表以其他波特率自动发送、另有主站，或干扰",
            f"{en}, none of which make sense — sent by itself at another baud rate, another master, or noise",
        )
    else:
        zh, en = (
            f"{zh}——有设备主动发送，或另有主站在轮询",
            f"{en} — an instrument sends by itself, or another master polls this line",
        )
    line = text_line(heard)
    return Remark(f"{zh}；文本：{line}", f"{en}; as text: {line}") if line else Remark(zh, en)


def _at(stage: Stage) -> str:
    return "the host's line" if stage.settings is None else str(stage.settings)


def _nothing(questions: int, *, is_line: bool) -> Remark:
    zh, en = (
        f"{questions} 次询问均无应答：检查设备电源",
        f"nothing answers {questions} questions: check the devices' power",
    )
    if not is_line:
        return Remark(
            f"{zh}、单元号，以及网关或串口服务器的串口参数",
            f"{en} and unit ids, and the line settings of the gateway or serial server",
        )
    return Remark(
        f"{zh}、A/B 接线、终端电阻；设备可能用其他波特率或地址；主动发送且间隔长的仪表请用 --listen 60s",
        f"{en}, the A/B wires and the termination; they may use another baud rate or address; what sends by itself and "
        "seldom is heard with --listen 60s",
    )
