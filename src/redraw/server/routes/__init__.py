"""The doors of the server, one module for each noun; each has a `router`."""
