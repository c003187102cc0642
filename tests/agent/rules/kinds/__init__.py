"""Tests of the evaluator kinds."""
