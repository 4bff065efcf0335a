"""The recorder: the one writer of the activity file."""
