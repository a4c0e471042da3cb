"""Make machine code of Programs without Numba: LLVM text, object code, addresses."""
