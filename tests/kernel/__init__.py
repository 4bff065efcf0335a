"""The kernel: mailboxes, addresses and the life of one actor."""
