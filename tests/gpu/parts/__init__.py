"""What is looked at on a card, one subject a file; each part runs in a process of its own."""
