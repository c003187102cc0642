"""A document as the site file that people read: sections, aligned keys, a comment where a key does not explain itself.

Pure: a document in, text out. The text says exactly what the document says (a test compares), in the order of the
example file; devices to describe later stand in it as comments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agent.setup.document import bare, is_table, toml, written

if TYPE_CHECKING:
    from agent.setup.document import Document
    from agent.setup.words import Words

ORDER: Final = (
    "gateway",
    "uplink",
    "buffer",
    "panel",
    "bus",
    "device",
    "noted",
    "derived",
    "limit",
    "facility",
    "line",
    "outlet",
    "rules",
    "rule",
)
KEYS: Final = {
    "bus": ("name", "type", "host", "port"),
    "device": ("name", "label", "bus", "protocol", "address", "model", "poll", "report"),
    "facility": ("name", "label", "role", "type", "power", "current", "running", "rated"),
    "line": ("name", "label", "production", "treatment", "outlet"),
    "outlet": ("name", "label", "medium", "o2", "reference_o2"),
}
"""What comes first in a table; the rest follows as it is."""
COMMENT_AT: Final = 44


def site_text(document: Document, words: Words, file: str) -> str:
    """Return the text of the site file that will be called `file`."""
    lines = [f"# {line}" for line in words.text("file.head", {"file": file}).splitlines()]
    for key in ORDER:
        if key in document:
            lines += _section(key, document[key], words)
    return "\n".join(lines) + "\n"


def _section(key: str, value: Any, words: Words) -> list[str]:
    title = words.maybe(f"file.section.{key}")
    lines = ["", f"# --- {title} ---"] if title else []
    if key == "uplink":
        return [*lines, "", *_table("[uplink.mqtt]", "uplink.mqtt", value["mqtt"], words)]
    if key == "noted":
        return lines + [line for one in value for line in _noted(one)]
    if isinstance(value, dict):
        return [*lines, "", *_table(f"[{key}]", key, value, words)]
    return lines + [line for one in value for line in ("", *_table(f"[[{key}]]", key, one, words))]


def _table(header: str, name: str, table: Document, words: Words, indent: str = "") -> list[str]:
    first = [key for key in KEYS.get(name, ()) if key in table]
    ordered = {key: table[key] for key in (*first, *table)}
    plain = {key: value for key, value in ordered.items() if not is_table(value)}
    width = max((len(bare(key)) for key in plain), default=0)
    lines = [indent + header]
    for key, value in plain.items():
        remark = words.maybe(f"file.{name}.{key}")
        if isinstance(value, int) and name == "bus":  # a number explains itself: it is no port of this box
            remark = ""
        lines.append(indent + _remarked(f"{bare(key):<{width}} = {written(value)}", remark))
    for key, value in ordered.items():
        inner = f"{name}.{bare(key)}"
        if is_table(value) and isinstance(value, list):
            for one in value:
                lines += ["", *_table(f"[[{inner}]]", inner, one, words, indent + "  ")]
        elif is_table(value) and value:
            lines += ["", *_table(f"[{inner}]", inner, value, words, indent + "  ")]
    return lines


def _remarked(line: str, remark: str) -> str:
    return f"{line.ljust(COMMENT_AT)} # {remark}" if remark else line


def _noted(device: Document) -> list[str]:
    """Return a device that was found and is to be described later, every line a comment."""
    return ["#", *(f"# {line}".rstrip() for line in toml({"device": [device]}).strip().splitlines())]
