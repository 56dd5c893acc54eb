"""Models: files, families, networks, and where they live in memory."""
