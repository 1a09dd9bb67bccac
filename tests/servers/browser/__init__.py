"""The browser and what it is shown."""
