"""Addresses that a user writes."""
from urllib.parse import urlsplit


def parts(text):
    """The parts of an address, those of `urllib.parse.urlsplit`; all empty where it is none, as http://[x."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit('')
