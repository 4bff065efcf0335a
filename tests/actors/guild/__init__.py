"""The guild actor."""
