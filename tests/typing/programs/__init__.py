"""Programs that are only ever read by the type checkers; each wrong line says what they find."""
