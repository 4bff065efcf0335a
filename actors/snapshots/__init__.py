"""Snapshots: copies of the activity file that other processes may open."""
