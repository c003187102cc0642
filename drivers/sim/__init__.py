"""The other end of the wire: a believable plant, served over TCP, with faults on request.

Tests, benchmarks and the demo use the same one. Nothing here shares code with the drivers it answers: a mistake in
the way we pack a number must not cancel a mistake in the way we unpack it.
"""
