"""How different two colours look: CIEDE2000, as published (Sharma, Wu, Dalal, 2005)."""
import cv2
import numpy as np


def lab_of(rgb):
    """CIE Lab [n, 3] of uint8 RGB [n, 3]."""
    return cv2.cvtColor(np.asarray(rgb, np.float32)[None] / 255, cv2.COLOR_RGB2LAB)[0].astype(np.float64)


def ciede2000(lab, other):
    """Differences [n, m] of Lab colours [n, 3] and [m, 3]; 2.3 is just noticeable."""
    l1, a1, b1 = lab.T[:, :, None]
    l2, a2, b2 = other.T[:, None, :]
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    grey = 1.5 - .5 * np.sqrt(chroma ** 7 / (chroma ** 7 + 25. ** 7))
    c1, c2 = np.hypot(a1 * grey, b1), np.hypot(a2 * grey, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1 * grey)) % 360, np.degrees(np.arctan2(b2, a2 * grey)) % 360
    turn = np.radians((h2 - h1 + 180) % 360 - 180) / 2
    hue = ((h1 + h2) / 2 + np.where(np.abs(h1 - h2) > 180, 180, 0)) % 360
    light, c = (l1 + l2) / 2, (c1 + c2) / 2
    weights = (1 - .17 * np.cos(np.radians(hue - 30)) + .24 * np.cos(np.radians(2 * hue)) + .32 * np.cos(np.radians(3 * hue + 6))
               - .2 * np.cos(np.radians(4 * hue - 63)))
    dl = (l2 - l1) / (1 + .015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    dc, dh = (c2 - c1) / (1 + .045 * c), 2 * np.sqrt(c1 * c2) * np.sin(turn) / (1 + .015 * c * weights)
    rotation = -2 * np.sqrt(c ** 7 / (c ** 7 + 25. ** 7)) * np.sin(np.radians(60 * np.exp(-((hue - 275) / 25) ** 2)))
    return np.sqrt(dl ** 2 + dc ** 2 + dh ** 2 + rotation * dc * dh)
