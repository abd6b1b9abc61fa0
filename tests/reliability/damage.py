"""Damage to the content of a file: of its bytes, and of the values of its JSON."""
import copy

ODD = None, '', 'x', -1, 0, 1.5, 1e30, float('nan'), True, [], {}, [None], [[]], {'a': 1}, 'x' * 5000, '\u6c7d\u8f66', 2 ** 70


def damaged_bytes(data, dice):
    """`data` with one to three damages: cut, flipped, dropped, doubled, or foreign bytes. dice: a random.Random."""
    data = bytearray(data)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(data) + 1)
        length = dice.randint(1, 9)
        kind = dice.randrange(5)
        if kind == 0:
            del data[at:]
        elif kind == 1 and data:
            data[min(at, len(data) - 1)] ^= 1 << dice.randrange(8)
        elif kind == 2:
            del data[at:at + length]
        elif kind == 3:
            data[at:at] = data[at:at + length]
        else:
            data[at:at + length] = bytes(dice.randrange(256) for _ in range(length))
    return bytes(data)


def damaged_json(value, dice):
    """A copy of a JSON value in which one place, anywhere, is dropped or holds an odd value. dice: a random.Random."""
    value = copy.deepcopy(value)
    places = list(_places(value))
    holder, key = places[dice.randrange(len(places))]
    if dice.random() < .2:
        del holder[key]
    else:
        holder[key] = dice.choice(ODD)
    return value


def _places(value):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)
