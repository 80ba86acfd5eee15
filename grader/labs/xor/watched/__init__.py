"""Judges a submission by its own training: finds the network in it, its steps, and the rule behind them."""
