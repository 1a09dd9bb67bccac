"""Applications of any size, once per framework.

Each module has ``routes``, and where the framework has something to express them with, ``hooks``
and ``blueprints``. Rules are written as Flask writes them.
"""
