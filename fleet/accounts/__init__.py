"""Accounts of people: passwords, sessions of browsers, one-time links, logins elsewhere."""
