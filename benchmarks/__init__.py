"""In-process comparison of microweb with other WSGI frameworks."""
