"""Which parameters move a figure, and how far."""
