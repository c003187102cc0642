"""Tests of `agent.setup`."""
