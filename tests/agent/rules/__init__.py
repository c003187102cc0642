"""Tests of `agent.rules`. The rig asserts on behalf of the tests of every group: let pytest explain its asserts too."""

import pytest

pytest.register_assert_rewrite("tests.agent.rules.rig")
