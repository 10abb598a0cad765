"""Toy World: procedural scenes with words; one sample is a function of (seed, index)."""
