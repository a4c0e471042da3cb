"""Describe every operation in one row of one table: the op table."""
