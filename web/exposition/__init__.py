"""What a Prometheus scrapes: instruments, the two text formats, and the answer."""
