"""Overbar: exact, readable, compiled derivatives of formulas."""

__version__ = "0.1.0"
