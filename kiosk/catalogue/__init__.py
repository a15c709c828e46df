"""What a resident can ask for, as checked data: items, questions, situations, materials.

Pure: no files, no clock. `kiosk.catalogue_files` reads a directory and calls the loader here.
"""
