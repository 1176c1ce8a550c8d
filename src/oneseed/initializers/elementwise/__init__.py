"""Initializers whose elements are independent of each other."""
