"""Pictures: opening, resizing, saving, what is written inside the file, and what the file is called. No torch."""
