"""The demo: what it shows, whom it crashes, and what it leaves behind."""
