"""Initializers made of others, and of files."""
