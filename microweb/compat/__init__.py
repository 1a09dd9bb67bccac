"""Doors for code that was written for another framework; each is opened by importing it."""
