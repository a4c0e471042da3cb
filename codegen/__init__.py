"""Turn a Graph into a Program, and a Program into Python source that runs."""
