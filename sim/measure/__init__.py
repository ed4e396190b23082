"""Observations -> tidy tables: figures with intervals, audits, series."""
