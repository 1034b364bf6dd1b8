"""For people outside: the transparency page, and drafts of what laws ask an operator to write."""
