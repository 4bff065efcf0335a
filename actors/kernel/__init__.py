"""The actor runtime: mailboxes, addresses, and the life of one actor."""
