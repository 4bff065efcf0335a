"""The REST routes that a bot uses, with Discord's own error bodies."""
