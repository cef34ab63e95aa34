"""Importing what shops bring along."""
