"""``plantgate alarms`` and what people do about alarms: ``ack``, ``shelve``, ``unshelve``, ``reset``.

All of them talk to the running agent; each action becomes a signed record with who did it.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console

from agent.cli.alarms_screen import Screen
from agent.cli.devices import loaded
from agent.cli.door import AsJson, SitePath, asked, entered, printed
from config.problem import Mistake
from config.values import seconds_of

All = Annotated[bool, typer.Option("--all", help="Show every alarm the site has, also those that are normal.")]
Alarm = Annotated[str, typer.Argument(metavar="ALARM", help='Its name, as "plantgate alarms" shows it.')]
Alarms = Annotated[str, typer.Argument(metavar="ALARM", help='Its name, or "all".')]
Note = Annotated[str | None, typer.Option(help="What you have to say about it; it stands in the record.")]
For = Annotated[str, typer.Option("--for", metavar="TIME", help='For how long: "30m", "2h"; 8 h at most.')]
Once = Annotated[bool, typer.Option("--once", help="Only until its condition ends.")]
Out = Annotated[bool, typer.Option("--out-of-service", help="Take it out of service, without a limit, until put back.")]
Back = Annotated[bool, typer.Option("--in-service", help="Put it back into service.")]


def alarms(site: SitePath, every: All = False, json: AsJson = False) -> None:
    """List the alarms that are not normal, the most urgent first, and the figures of the alarm system.

    Use it to see what is wrong with the plant, since when, and who has taken notice. Exit 1 while an alarm asks for
    acknowledgement.
    """
    checked = loaded(site)
    answer = asked(checked, {"do": "alarms", "all": every})
    if json:
        printed(answer)
    else:
        Console(highlight=False).print(Screen(answer, checked.gateway))
    if any(row["status"] in ("unacknowledged", "returned") for row in answer["alarms"]):
        raise typer.Exit(1)


def ack(site: SitePath, alarm: Alarms, note: Note = None) -> None:
    """Acknowledge an alarm, or all that are shown unacknowledged: you have seen it, and see to it.

    The ladder to the regulator goes on: acknowledging puts nothing right.
    """
    _told(entered(site, {"do": "acknowledge", "alarm": alarm, "note": note}), "acknowledged 已确认")


def shelve(
    site: SitePath, alarm: Alarm, time: For = "1h", once: Once = False, out_of_service: Out = False, note: Note = None
) -> None:
    """Put an alarm on the shelf for a time: it is judged and told as ever, but nobody is asked to see to it.

    Use it for a nuisance that is known and being dealt with; with --out-of-service for an instrument under repair.
    """
    if out_of_service:
        _told(entered(site, {"do": "take-out", "alarm": alarm, "note": note}), "out of service 已退出服务")
        return
    try:
        for_s = seconds_of(time)
    except Mistake as mistake:
        raise typer.BadParameter(f"{time!r} is {mistake}; {mistake.hint}", param_hint="--for") from None
    words: dict[str, Any] = {"do": "shelve", "alarm": alarm, "for_s": for_s, "once": once or None, "note": note}
    _told(entered(site, words), f"shelved 已搁置 {time}")


def unshelve(site: SitePath, alarm: Alarm, in_service: Back = False, note: Note = None) -> None:
    """Take an alarm off the shelf before its time is over; it comes back as acknowledged as it was."""
    do, word = ("put-back", "in service 已恢复服务") if in_service else ("unshelve", "no longer shelved 搁置结束")
    _told(entered(site, {"do": do, "alarm": alarm, "note": note}), word)


def reset(site: SitePath, alarm: Alarms, note: Note = None) -> None:
    """Reset a latched alarm, or all that can be: its condition is gone, it is acknowledged, and it may go."""
    _told(entered(site, {"do": "reset", "alarm": alarm, "note": note}), "reset 已复位")


def _told(answer: dict[str, Any], word: str) -> None:
    for alarm in dict.fromkeys(answer["done"]):
        print(f"{alarm}: {word}")
    if not answer["done"]:
        print("nothing to do 无可处理的报警")
