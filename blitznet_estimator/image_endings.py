"""The endings that names of image files have, in lower case; a name may have its own in any case."""

READ = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')  # of the kinds that are decoded
KNOWN = READ + ('.gif',)  # of those as well that other systems may name
