"""Read formulas: expression files, SymPy and Python objects into a Graph."""
