"""The gateway: sessions, their sockets, and what is sent to whom."""
