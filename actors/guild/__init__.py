"""The guild actor: it alone decides what happened in its guild."""
