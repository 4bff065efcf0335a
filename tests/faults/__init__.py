"""One fault at a time, at every point of an actor's life."""
