"""Contributing an entry by a form that is made from the shapes."""
