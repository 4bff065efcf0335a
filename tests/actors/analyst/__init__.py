"""The whole bot as a real process against the local Discord as another."""
