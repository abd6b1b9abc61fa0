"""Which classes are easily taken for each other, by name; a class of another name is similar to none."""
import numpy as np

GROUPS = tuple(set(line.split(', ')) for line in (  # after COCO's supercategories, with VOC's and CamVid's names and the shapes
    'aeroplane, airplane, bird, kite',
    'bicycle, bicyclist, motorbike, motorcycle',
    'car, bus, truck, train, van, boat',
    'person, pedestrian, bicyclist, rider',
    'bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe',
    'bench, chair, sofa, couch, bed, diningtable, dining table',
    'tvmonitor, tv, laptop, cell phone, remote, keyboard, mouse',
    'microwave, oven, toaster, refrigerator',
    'bottle, wine glass, cup, bowl, vase',
    'fork, knife, spoon, toothbrush, scissors',
    'banana, apple, orange, carrot, broccoli',
    'sandwich, hot dog, pizza, donut, cake',
    'backpack, handbag, suitcase',
    'frisbee, sports ball',
    'skis, snowboard, skateboard, surfboard, baseball bat, tennis racket',
    'sign, traffic sign, traffic light, stop sign, parking meter, fire hydrant',
    'circle, ring, crescent',
    'star, cross, arrow',
    'rectangle, triangle',
))


def similar_classes(class_names):
    """Whether class i of C (0 = background) may be taken for another class j: bool [C, C], false on the diagonal."""
    members = [[False] * len(GROUPS)] + [[name.lower() in group for group in GROUPS] for name in class_names]  # [C, groups]
    members = np.array(members, int)
    return (members @ members.T > 0) & ~np.eye(len(members), dtype=bool)
