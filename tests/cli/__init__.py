"""Tests of `agent.cli`: each verb as a person runs it."""
