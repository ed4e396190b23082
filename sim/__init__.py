"""Forebay: a queueing simulator."""
