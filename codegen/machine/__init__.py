"""Make machine code of Programs without Numba: text for LLVM, object code, addresses."""
