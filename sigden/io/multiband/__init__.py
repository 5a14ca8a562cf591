"""Images of several bands in and out: FITS of Rubin, Euclid and others."""
