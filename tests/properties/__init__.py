"""Properties that hold for whatever Hypothesis makes up."""
