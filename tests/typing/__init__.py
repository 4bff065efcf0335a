"""What must not type-check, and does not."""
