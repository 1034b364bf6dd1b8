"""The operations, one small function each, listed in `registry`."""
