"""What forms mean: orders, marks, tasks and answers, as the agent takes them. Pure.

Each reader takes a form and returns the words of a request, or ``None`` with the mistakes in ``typed.problems``. The
agent judges again and has the last word; here is said early, at the field, what people can mend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agent.panel import moments
from agent.panel.agenda import MARK_KINDS, MOMENTARY, ORDER_KINDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from agent.panel.typed import Typed

Request = dict[str, Any]

PLANT: Final = "plant"
MOST_SOURCE: Final = 160
MOST_NOTE: Final = 300
MOST_KW: Final = 1e9
ITEM_KINDS: Final = {
    "text": "tasks.item.text",
    "choice": "tasks.item.choice",
    "number": "tasks.item.number",
    "photo": "tasks.item.photo",
}
ITEMS_AT_FIRST: Final = 4
MOST_ITEMS: Final = 30
_FURTHEST: Final = 1e15


def order(typed: Typed, lines: Sequence[str]) -> Request | None:
    """Return the request that enters an order; no line chosen means all of them."""
    kind = typed.choice("kind", ORDER_KINDS)
    start_ms, end_ms = typed.moment("start"), typed.moment("end", needed=True)
    demand = _demand(typed)
    source = typed.text("source", needed=True, most=MOST_SOURCE)
    remark = typed.text("remark", most=MOST_NOTE)
    minimum = typed.number("minimum", 0, MOST_KW)
    _ordered(typed, start_ms, end_ms)
    if typed.problems or source is None or end_ms is None:
        return None
    named = [line for line in lines if typed.raw(f"line:{line}")]
    said = {
        "do": "order",
        "kind": kind,
        "lines": named or list(lines),
        "start": _start(start_ms),
        "end": moments.utc(end_ms),
        "minimum": minimum,
        "exempt": _listed(typed.text("exempt")),
        "reason": f"{source}: {remark}" if remark else source,
    }
    return {name: value for name, value in (said | demand).items() if value not in (None, [])}


def _demand(typed: Typed) -> Request:
    """Return what the order asks: to stop, to reduce, hours of the day, or both of the last two."""
    action = typed.choice("action", ("stop", "reduce", "hours"))
    first, last = typed.hour("first"), typed.hour("last")
    if (first is None) != (last is None) or (action == "hours" and first is None):
        typed.refuse("last" if first else "first", "typed.missing")
    hours = {"hours": f"{first}-{last}"} if first and last else {}
    if first is not None and first == last:
        typed.refuse("last", "orders.same_hours")
    if action == "reduce":
        percent = typed.number("reduce", 0, 100, needed=True)
        if percent == 0:
            typed.refuse("reduce", "orders.no_reduction")
        return {"reduce": percent, **hours}
    return {"stop": True, **hours} if action == "stop" else hours


def mark(typed: Typed, objects: Collection[str]) -> Request | None:
    """Return the request that enters a mark."""
    kind, on = typed.choice("kind", MARK_KINDS), typed.choice("object", objects)
    start_ms, end_ms = typed.moment("start"), typed.moment("end")
    reason = typed.text("reason", needed=True, most=MOST_NOTE)
    _ordered(typed, start_ms, end_ms)
    if typed.problems:
        return None
    end = None if end_ms is None or kind == MOMENTARY else moments.utc(end_ms)
    said = {"do": "mark", "kind": kind, "object": on, "start": _start(start_ms), "end": end, "reason": reason}
    return {name: value for name, value in said.items() if value is not None}


def ending(typed: Typed, do: str, number: str) -> Request | None:
    """Return the request that ends an order or a mark, with the reason."""
    reason = typed.text("reason", needed=True, most=MOST_NOTE)
    return None if typed.problems else {"do": do, "id": number, "reason": reason}


def task(typed: Typed) -> Request | None:
    """Return the request that enters a task; rows of items without a text are left out."""
    place = typed.text("place", needed=True, most=100)
    title = typed.text("title", most=200)
    due_ms = typed.moment("due", needed=True)
    items = [item for at in range(1, rows(typed.fields) + 1) if (item := _item(typed, at)) is not None]
    if not items:
        typed.refuse("item1:text", "tasks.no_items")
    if typed.problems or due_ms is None:
        return None
    said = {"do": "task", "place": place, "title": title, "due": moments.utc(due_ms), "items": items}
    return {name: value for name, value in said.items() if value is not None}


def rows(fields: Mapping[str, str]) -> int:
    """Return how many rows of items a form has."""
    asked = fields.get("rows", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 4 else ITEMS_AT_FIRST  # noqa: PLR2004
    return min(MOST_ITEMS, max(ITEMS_AT_FIRST, number))


def _item(typed: Typed, at: int) -> Request | None:
    """Return one item; ``None`` for a row that is empty."""
    name = f"item{at}"
    text = typed.text(f"{name}:text", most=200)
    if text is None:
        if any(typed.raw(f"{name}:{one}") for one in ("choices", "low", "high", "unit")):
            typed.refuse(f"{name}:text", "typed.missing")
        return None
    kind = typed.choice(f"{name}:kind", ITEM_KINDS)
    item: Request = {"text": text, "kind": kind}
    if kind == "choice":
        item["choices"] = _choices(typed, f"{name}:choices")
    if kind == "number":
        item |= _limits(typed, name)
    return item


def _choices(typed: Typed, name: str) -> list[str]:
    choices = _listed(typed.text(name, needed=True))
    if choices and len(choices) < 2:  # noqa: PLR2004 -- one answer is no choice
        typed.refuse(name, "tasks.one_choice")
    return choices


def _limits(typed: Typed, name: str) -> Request:
    low = typed.number(f"{name}:low", -_FURTHEST, _FURTHEST)
    high = typed.number(f"{name}:high", -_FURTHEST, _FURTHEST)
    if low is not None and high is not None and low > high:
        typed.refuse(f"{name}:high", "tasks.low_above_high")
    limits = {"low": low, "high": high, "unit": typed.text(f"{name}:unit", most=20)}
    return {key: value for key, value in limits.items() if value is not None}


def answers(typed: Typed, told: Mapping[str, Any]) -> Request | None:
    """Return the request that answers a task: every item, each by its kind."""
    given: Request = {}
    for item in told["items"]:
        name = f"answer:{item['id']}"
        if item["kind"] == "number":
            given[item["id"]] = typed.number(name, -_FURTHEST, _FURTHEST, needed=True)
        elif item["kind"] == "choice":
            given[item["id"]] = typed.choice(name, item["choices"])
        else:
            given[item["id"]] = typed.text(name, needed=True)
    return None if typed.problems else {"do": "answer-task", "id": told["id"], "answers": given}


def _ordered(typed: Typed, start_ms: int | None, end_ms: int | None) -> None:
    if start_ms is not None and end_ms is not None and end_ms <= start_ms:
        typed.refuse("end", "typed.backwards")


def _listed(text: str | None) -> list[str]:
    """Return the parts of a list that people type with commas of any width, or slashes."""
    for sign in "，、;；/":
        text = (text or "").replace(sign, ",")
    return list(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))


def _start(start_ms: int | None) -> str:
    return "now" if start_ms is None else moments.utc(start_ms)
