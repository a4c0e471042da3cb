"""Rewrite a Graph: exact simplifications and stabilising rules, as rows."""
