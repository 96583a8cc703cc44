"""Small changes of a policy that its tests ought to notice."""
