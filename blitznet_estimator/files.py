"""Files appear whole or not at all: they are written under a temporary name, and renamed."""
import json
import os


def write_bytes(path, data):
    """Write bytes to `path`, making its folder where it is missing."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    temporary = '%s.%d.tmp' % (path, os.getpid())
    with open(temporary, 'wb') as file:
        file.write(data)
    os.replace(temporary, path)


def write_text(path, text):
    """Write text to `path` as UTF-8."""
    write_bytes(path, text.encode('utf-8'))


def write_json(path, value):
    """Write a value to `path` as indented JSON."""
    write_text(path, json.dumps(value, indent=2) + '\n')
