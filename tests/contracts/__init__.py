"""Rules about the repository itself: imports, requirements, what may be committed."""
