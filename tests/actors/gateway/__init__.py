"""Tests of the edge to Discord."""
