"""Typed settings, and catalogue, words and themes as data."""
