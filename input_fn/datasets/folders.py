"""Folders of pictures: which files of a kind lie below one."""
import glob
import os


def below(folder, endings):
    """Sorted paths of the files below a folder that have one of the endings, which are in lower case."""
    paths = glob.iglob(os.path.join(glob.escape(folder), '**', '*'), recursive=True)
    return sorted(path for path in paths if path.lower().endswith(endings) and os.path.isfile(path))
