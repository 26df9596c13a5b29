"""How to reach an Engine, the pool of connections to it, and the client that speaks its API."""
