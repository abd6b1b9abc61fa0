"""Damage to the content of a file: of its bytes, of the numbers in its text, and of the values of its JSON."""
import copy
import json
import re

ODD = (None, '', 'x', -1, 0, 1.5, 1e30, float('nan'), float('inf'), True, [], {}, [None], [[]], {'a': 1}, 'x' * 5000, '\u6c7d\u8f66', 2 ** 70,
       10 ** 308, 10 ** 400, '../../x', 'nested deeply')
NUMBERS = b'-1', b'0', b'1e308', b'-1e308', b'nan', b'inf', b'1e999', b'9' * 400, b'9' * 5000, b'0x10', '\u00b2'.encode('utf-8')
_NUMBER = re.compile(rb'[0-9.]+')
_DEEP = b'[' * 100000 + b']' * 100000


def damaged_bytes(data, dice):
    """`data` with one to three damages: cut, flipped, dropped, doubled, foreign bytes, or another number. dice: a random.Random."""
    data = bytearray(data)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(data) + 1)
        length = dice.randint(1, 9)
        kind = dice.randrange(6)
        number = _NUMBER.search(data, at) if kind == 5 else None
        if kind == 0:
            del data[at:]
        elif kind == 1 and data:
            data[min(at, len(data) - 1)] ^= 1 << dice.randrange(8)
        elif kind == 2:
            del data[at:at + length]
        elif kind == 3:
            data[at:at] = data[at:at + length]
        elif number:
            data[number.start():number.end()] = dice.choice(NUMBERS)
        else:
            data[at:at + length] = bytes(dice.randrange(256) for _ in range(length))
    return bytes(data)


def damaged_json(value, dice):
    """The bytes of a JSON value in which one place, anywhere, is dropped or holds an odd value. dice: a random.Random."""
    value = copy.deepcopy(value)
    places = list(_places(value))
    holder, key = places[dice.randrange(len(places))]
    if dice.random() < .2:
        del holder[key]
    else:
        holder[key] = dice.choice(ODD)
    return json.dumps(value).encode('utf-8').replace(b'"nested deeply"', _DEEP)


def _places(value):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)
