"""Setting a box up: what `plantgate init` asks, proposes, understands and writes.

Pure, but for the broker's trial: questions are data, answers a document of the site file's own shape, time and
terminals are somebody else's. `agent.cli.init` is the person's end of it.
"""
