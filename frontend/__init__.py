"""What the pages need in browsers, and how it is built."""
