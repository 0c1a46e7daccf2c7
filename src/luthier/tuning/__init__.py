"""Spend a budget on a strategy: which fold of which configuration to run next, and what has been learned so far."""
