"""Tests of the book of orders, marks and tasks."""
