"""Actors: everything that has state of its own, lives, and may fail on its own."""
