"""What others talk to: the language server; HTTP to guard, when it is there."""
