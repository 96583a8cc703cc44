"""What others talk to: a guard over HTTP (`app`), and the language server (`lsp`)."""
