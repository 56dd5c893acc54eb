"""Other programs' requests, translated into ours: pure functions, no web framework, no network, no files."""
