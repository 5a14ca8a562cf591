"""Methods that estimate one band on its own."""
