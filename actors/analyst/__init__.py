"""The analyst: answers questions about the ledger, and writes nothing."""
