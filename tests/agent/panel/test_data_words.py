"""What values, orders and tasks are called: every kind the agent knows has its words here, in both languages."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from agent.book.marks import KINDS
from agent.book.orders import SORTS
from agent.book.tasks import SORTS as ITEM_SORTS
from agent.panel import agenda, entries
from agent.panel.book_refusals import refused
from agent.panel.readings import QUALITIES
from agent.panel.words import LANGUAGES, Words
from drivers.reading import Quality

WORDS = Words()
SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_every_kind_of_mark_has_the_words_of_the_agent() -> None:
    """The panel offers exactly the marks that the agent takes, and calls them as the agent does."""
    shown = {kind: WORDS.texts[key] for kind, key in agenda.MARK_KINDS.items()}

    assert shown == {kind: {"zh": text.zh, "en": text.en} for kind, text in KINDS.items()}


def test_every_kind_of_order_and_item_can_be_entered() -> None:
    """The panel offers exactly the orders and items that the agent takes."""
    assert set(agenda.ORDER_KINDS) == set(SORTS)
    assert set(entries.ITEM_KINDS) == set(ITEM_SORTS)


def test_every_quality_is_explained() -> None:
    """Each flag of a reading has a word and a sentence, in both languages."""
    assert set(QUALITIES) == {quality.value for quality in Quality}
    for key in QUALITIES.values():
        assert all(WORDS.texts[f"{key}.{part}"][language] for part in ("word", "says") for language in LANGUAGES)


OPEN_MARK = "fan-1 is marked maintenance from 2026-07-01T06:00:00.000Z until it is ended (m2); "
REFUSALS = {
    "line 'paint' has order o1 from 2026-07-01T06:00:00.000Z to 2026-07-02T06:00:00.000Z already; end that one first "
    "(order end o1), or choose another time": "生产线 paint 在 2026-07-01 14:00 至 2026-07-02 14:00 已有指令 o1",
    f"{OPEN_MARK}end that one first (mark end m2)": "fan-1 自 2026-07-01 14:00 起已有同类标记 m2",
    "order o1 has ended already (2026-07-01T06:00:00.000Z)": "o1 已于 2026-07-01 14:00 结束",
    "task t1 is answered already (2026-07-01T06:00:00.000Z)": "任务 t1 已于 2026-07-01 14:00 完成",
    "start: the box does not know the time yet, so 'now' means nothing; write a date": "本机还不知道时间",
    "something new": "something new",
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_refusals_are_said_in_the_language_of_the_viewer(reason: str) -> None:
    """What the agent refuses with is told in words, moments by the clock of the site; what is new, as it is."""
    told = refused(reason, lambda key, **fields: WORDS.said("zh", key, **fields), SHANGHAI)

    assert told.startswith(REFUSALS[reason])
