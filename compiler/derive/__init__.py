"""Differentiate a Graph: reverse and forward mode, to any order."""
