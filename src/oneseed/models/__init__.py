"""Whole models: rules, schemes and plans, and the loop that fills a model's parameters."""
