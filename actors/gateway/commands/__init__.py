"""Slash commands: one file each, from question to formatted answer."""
