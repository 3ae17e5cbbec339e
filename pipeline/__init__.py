"""Tenfold: raw code and text shards into packed training sequences, in an exact mixture of tokens."""

__version__ = "0.1.0"
