"""What broke in other actor systems, each as a test; docs/semantics.md has the whole list."""
