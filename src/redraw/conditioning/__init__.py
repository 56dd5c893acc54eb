"""Conditioning: from words to what the networks listen to."""
