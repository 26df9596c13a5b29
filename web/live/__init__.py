"""What changes in the fleet, told live to many clients at once."""
