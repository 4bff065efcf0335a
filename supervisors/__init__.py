"""Supervisors: who restarts whom, when to give up, and how an operator sees it."""
