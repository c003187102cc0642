"""The local web panel: a process of its own, without the signing key, that asks the agent over a Unix socket."""
