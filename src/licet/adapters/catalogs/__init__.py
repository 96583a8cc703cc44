"""The lists of tools that teams have → tools of our vocabulary: one file per form."""
