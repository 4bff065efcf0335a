"""Mutation testing of the supervisors: whatever is changed in them, a test must fail."""
