"""How tests and demonstrations steer the world and learn what happened."""
