"""One file for each revision, named for it. None is ever changed once it was released."""
