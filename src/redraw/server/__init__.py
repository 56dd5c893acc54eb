"""Redraw over HTTP: our own API, A1111's API beside it, and what keeps both safe."""
