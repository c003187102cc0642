"""Documents for people: the elements of a page that prints on A4, and the acceptance report of an installation."""
