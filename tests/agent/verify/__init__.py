"""Tests of `agent.verify`."""
