"""The elements of a page that prints on A4: plain HTML in one file, without scripts and without anything from outside.

Whatever is put into an element is text and is escaped; only elements made here stand as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

NOTHING: Final = "—"
"""How a value looks that is not known."""


@dataclass(frozen=True, slots=True)
class Html:
    """A piece of a page."""

    code: str


Content = Html | str | float | None
"""What may stand in an element; ``None`` is not known."""

_CSS: Final = """
@page { size: A4; margin: 15mm 14mm 17mm;
  @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif } }
* { box-sizing: border-box }
body { font: 10pt/1.45 "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", Arial, sans-serif;
  color: #111; background: #fff; max-width: 182mm; margin: 0 auto; padding: 4mm }
h1 { font-size: 17pt; margin: 0 0 1mm; line-height: 1.2 }
h2 { font-size: 11.5pt; margin: 7mm 0 2mm; padding-bottom: 0.8mm; border-bottom: 0.4mm solid #111; break-after: avoid }
h3 { font-size: 10pt; margin: 4mm 0 1mm; break-after: avoid }
p { margin: 0 0 2mm }
table { border-collapse: collapse; width: 100%; font-size: 8.5pt; margin: 0 0 3mm }
thead { display: table-header-group }
tr { break-inside: avoid }
th, td { text-align: left; vertical-align: top; padding: 0.8mm 1.6mm; border-bottom: 0.2mm solid #bbb }
td { overflow-wrap: anywhere }
th { font-weight: 600; background: #f1f1f1; -webkit-print-color-adjust: exact; print-color-adjust: exact }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums }
td.n, .unbroken { white-space: nowrap; overflow-wrap: normal }
table.facts th { width: 38mm; background: none; font-weight: 400; color: #444 }
.verdict { border: 0.5mm solid #111; padding: 2.5mm 4mm; font-size: 11pt; margin: 3mm 0; break-inside: avoid }
.good { border-left: 3mm solid #1b7a3d }
.bad { border-left: 3mm solid #b3261e }
.note { color: #444; font-size: 8.5pt }
.mono { font-family: "DejaVu Sans Mono", Consolas, monospace; font-size: 8pt; overflow-wrap: anywhere }
.signatures { display: flex; gap: 12mm; margin-top: 8mm; break-inside: avoid }
.signatures div { flex: 1; border-top: 0.3mm solid #111; padding-top: 1mm; margin-top: 16mm; font-size: 8.5pt }
@media print { body { max-width: none; padding: 0 } }
"""


def page(lang: str, title: str, content: Iterable[Html]) -> bytes:
    """Return the whole file. `lang` is a language tag."""
    head = (
        f'<!DOCTYPE html>\n<html lang="{escape(lang)}">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_CSS}</style>\n</head>\n<body>\n"
    )
    body = "\n".join(piece.code for piece in content)
    return f"{head}{body}\n</body>\n</html>\n".encode("utf-8", "replace")


def text(content: Content) -> str:
    """Return what stands between two tags."""
    if content is None:
        return NOTHING
    if isinstance(content, Html):
        return content.code
    return escape(content if isinstance(content, str) else number(content))


def number(value: float) -> str:
    """Return a number as people read it: at most seven digits that mean something, no exponent where it can be had."""
    return str(value) if isinstance(value, int) else f"{value:.7g}"


def heading(level: int, content: Content) -> Html:
    """Return a heading."""
    return Html(f"<h{level}>{text(content)}</h{level}>")


def paragraph(content: Content, kind: str = "") -> Html:
    """Return a paragraph; `kind` is note, or a verdict."""
    return Html(f"<p{_class(kind)}>{text(content)}</p>")


def verdict(content: Content, *, good: bool) -> Html:
    """Return the sentence that a reader must not miss. A sign says what colour says."""
    return Html(f'<div class="verdict {"good" if good else "bad"}">{"✔" if good else "✘"} {text(content)}</div>')


def mono(content: str) -> Html:
    """Return a hash or a name of files: letters that all have the same width."""
    return Html(f'<span class="mono">{text(content)}</span>')


def unbroken(content: str) -> Html:
    """Return a moment or a word that is not broken over lines."""
    return Html(f'<span class="unbroken">{text(content)}</span>')


def lines(contents: Iterable[Content]) -> Html:
    """Return pieces one below the other."""
    return Html("<br>".join(text(content) for content in contents))


def facts(rows: Iterable[tuple[str, Content]]) -> Html:
    """Return a table of names and what they are."""
    body = "".join(f'<tr><th scope="row">{text(name)}</th><td>{text(content)}</td></tr>' for name, content in rows)
    return Html(f'<table class="facts"><tbody>{body}</tbody></table>')


def table(head: Sequence[str], rows: Iterable[Sequence[Content]], nothing: str, figures: Collection[int] = ()) -> Html:
    """Return a table; the columns numbered in `figures` stand to the right. Without rows, the sentence `nothing`."""
    kinds = [_class("n" if at in figures else "") for at in range(len(head))]
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{text(cell)}</td>' for kind, cell in zip(kinds, row, strict=True))}</tr>"
        for row in rows
    )
    if not body:
        return paragraph(nothing, "note")
    heads = "".join(f'<th scope="col"{kind}>{text(name)}</th>' for kind, name in zip(kinds, head, strict=True))
    return Html(f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>")


def signatures(names: Iterable[str]) -> Html:
    """Return lines to sign on."""
    return Html(f'<div class="signatures">{"".join(f"<div>{text(name)}</div>" for name in names)}</div>')


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
