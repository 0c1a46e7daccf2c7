"""Luthier: hyperparameter tuning you can trust, for the whole life of a model."""
