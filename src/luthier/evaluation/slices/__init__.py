"""For whom the model fails: parts of the table that do worse than the rest, beyond chance."""
