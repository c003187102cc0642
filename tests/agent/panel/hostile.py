"""Strings that people or instruments might send to harm a page, and a look for what must never come out of it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any, Final

NASTY: Final = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7*7 }}",
    "javascript:alert(1)",
    "=cmd|' /C calc'!A0",
)
NAME: Final = "".join(NASTY)


def poisoned(answer: Any, *keep: str) -> Any:
    """Return an answer with every text in it made hostile, but those of the members `keep`."""
    if isinstance(answer, dict):
        return {name: one if name in keep else poisoned(one, *keep) for name, one in answer.items()}
    if isinstance(answer, list):
        return [poisoned(one, *keep) for one in answer]
    return answer + NAME if isinstance(answer, str) else answer


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what no page of ours has."""
        given = dict(attrs)
        if tag in ("img", "iframe") or (tag == "script" and not (given.get("src") or "").startswith("/static/")):
            self.wrong.append(tag)
        for name, value in attrs:
            text = (value or "").strip().lower()
            if (
                name.startswith("on")
                or name == "style"
                or (name in ("href", "action") and text.startswith("javascript:"))
            ):
                self.wrong.append(f"{tag} {name}={value}")


def harm(page: str) -> list[str]:
    """Return what a page holds that could act: elements, handlers, styles, addresses that are programs."""
    parser = _Elements()
    parser.feed(page)
    return parser.wrong + ([NASTY[0]] if NASTY[0] in page else []) + (["49"] if "{{ 7*7 }}" not in page else [])
