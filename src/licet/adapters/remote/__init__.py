"""A guard elsewhere: the client of the service (`licet serve`), with the methods of a guard."""
