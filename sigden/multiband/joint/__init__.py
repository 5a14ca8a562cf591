"""Methods that estimate all bands together."""
