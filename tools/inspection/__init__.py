"""What tools.inspect tells of checkpoints, anchors, networks and datasets."""
