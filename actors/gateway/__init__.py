"""The edge to Discord: events come in as messages, answers go out as calls."""
