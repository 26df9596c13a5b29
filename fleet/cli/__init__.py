"""The command line: one small module a command, heavy imports only where they are used."""
