"""From the scene on the grid to the image that an instrument takes."""
