"""Doubles of the services that the bot talks to: small honest programs, not mocks."""
