"""What is wrong with this box, and the command that mends it: `plantgate doctor`.

One module for each field. Each has facts (a frozen record), a thin reader that gathers them, and a judgement, a pure
function from facts to findings. A reader looks and never changes: no port is opened, nothing is written, the
agent is asked through its own door, and the broker under another client id.

`examination` knows every field; `findings.toml` holds every sentence; `docs/doctor.md` explains each by its id.
"""
