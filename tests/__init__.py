"""Tests: they mirror the source; doubles are small honest programs."""
