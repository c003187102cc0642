"""For platform operators: whether records are what one gateway signed, in order, with nothing dropped unexplained.

Knows `agent.record` and nothing else of the agent, so that it can be read, and trusted, on its own.
"""
