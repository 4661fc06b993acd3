"""How much callers may ask, counted over all workers."""
