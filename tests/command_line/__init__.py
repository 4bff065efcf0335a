"""The command line, run as an operator runs it: a process, its streams, its exit code."""
