"""All benches, one after the other: ``python -m tests.bench [NAME…] [--quick]``.

Names are agent, latency, trouble, serial, rules, panel (the whole agent), and drain, modbus, decode, judge, seal,
outbox, history (its parts).
They print figures beside those of a bare counterpart, measured in the same run, and judge nothing: machines differ.
"""

from __future__ import annotations

import sys

from tests.bench import (
    bench_agent,
    bench_decode,
    bench_drain,
    bench_history,
    bench_judge,
    bench_latency,
    bench_modbus,
    bench_outbox,
    bench_panel,
    bench_rules,
    bench_seal,
    bench_serial,
    bench_trouble,
)

WHOLE = {
    "agent": bench_agent,
    "latency": bench_latency,
    "trouble": bench_trouble,
    "serial": bench_serial,
    "rules": bench_rules,
    "panel": bench_panel,
}
PARTS = {
    "drain": bench_drain,
    "modbus": bench_modbus,
    "decode": bench_decode,
    "judge": bench_judge,
    "seal": bench_seal,
    "outbox": bench_outbox,
    "history": bench_history,
}


def main(arguments: list[str]) -> int:
    """Run what is named, or everything; return the exit code."""
    names = [word for word in arguments if word in (*WHOLE, *PARTS)]
    rest = [word for word in arguments if word not in names]
    if strange := [word for word in rest if word != "--quick"]:
        print(f"no such bench: {', '.join(strange)}; there are {', '.join((*WHOLE, *PARTS))}", file=sys.stderr)
        return 2
    for name in names or (*WHOLE, *PARTS):
        print(f"\n== {name}", flush=True)
        if name in WHOLE:
            WHOLE[name].main(rest)
        else:
            sys.argv[1:] = []  # the parts read their own
            PARTS[name].main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
