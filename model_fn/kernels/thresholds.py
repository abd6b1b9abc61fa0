"""Where a faster form begins and ends: every number that `dispatch` and the kernels decide by, with the measurement it comes from.

All are of blitznet300 on the machine of docs/performance.md. "Figures not kept" means that both sides of the threshold were measured, and
that only the threshold was written down.
"""
from blitznet_estimator.runtime import IS_TF1

# Winograd's convolution, in float32. The detection heads of the largest map (75x75, 512 to 150 channels, batch 8) take 64 to 69 ms by tiles of 5.
# By tiles of 4 they take 79 to 85 ms. On TensorFlow 1.15 it is 103 to 108 ms and 112 to 116 ms.
WINOGRAD_LEAST_SIDE = 19  # of maps. TensorFlow 1.15 and 2.15, figures not kept: the direct sum is faster on smaller maps
WINOGRAD_LEAST_CHANNELS = 128  # of the input. Both releases, figures not kept; on 1.15 it was 256 until memory was kept between steps
WINOGRAD_LEAST_DEPTH = 96  # channels of the output. Both releases, figures not kept

# Winograd's products, in how many ops. TensorFlow 1.15's op for many products leaves cores idle between them: with two ops, bytes to boxes takes
# 3.5 % less at batch 1. TensorFlow 2.15 gains nothing.
WINOGRAD_PARTS = 2 if IS_TF1 else 1

# Bytes up to which TensorFlow makes one constant of others by itself, ahead of the first step. It is TensorFlow's own limit
# (max_constant_size_in_bytes of its constant folding). Larger filters are transformed when the graph is made: the network takes 3 % less on 2.15.
# A filter that stays below it only by tiles of 4 gets these: evaluation of blitznet300 peaks 0.8 GB lower.
FOLDED_BYTES = 10 << 20

# Gradients made of few pixels. Without them the gradients of the heads of the three largest maps (75, 38, 19) took 196 of the 1291 ms of a batch of
# 8 in bfloat16. Maps of 10 and below have too few pixels; figures not kept.
SPARSE_LEAST_SIDE = 19

# Rows that sparse products are padded to a multiple of. TensorFlow keeps what it prepares for each shape, and the number of pixels is another at
# each step. A choice, not measured against others.
SPARSE_ROWS = 256

# Gradients of convolutions as matrix products.
# TensorFlow 1.15, 3x3: up to this side, both gradients are products of patches, of the output's gradient and of the input. Above, the input's is a
# convolution with the flipped filter, and the filter's is a product of patches of the output's gradient. Figures not kept.
# (Of a 1x1 convolution of 512 to 2048 channels at 10x10, the input's gradient takes 5.5 ms as a product, 17.9 ms as 1.15's own op.)
TF1_SMALL_SIDE = 10
# bfloat16, 1x1: up to this side, the filter's gradient is a product. TensorFlow 2.15, figures not kept.
MIXED_SMALL_SIDE_1X1 = 38
# bfloat16, 3x3: up to this side, the filter's gradient is a product of patches of the input. 512 to 512 channels at 10x10, batch 8, TensorFlow
# 2.15: 4.7 ms instead of 8.0.
MIXED_SMALL_SIDE_3X3 = 19
# bfloat16, 3x3, from that side on: where the input has this many times the output's channels, patches of the output's gradient are gathered instead.
# 512 to 24 channels at 75x75, batch 8, TensorFlow 2.15: 16 ms instead of 25.
MIXED_NARROW_OUTPUT = 3

# Batch norm in bfloat16: from this many channels on, each pixel is a map of its own; below, each row is. 512 channels at 75x75, batch 8, TensorFlow
# 2.15: 9.7 ms with its gradient instead of 16.5. Of fewer channels, figures not kept.
BATCH_NORM_PIXEL_MAPS_CHANNELS = 256

# Channels that batch norm in bfloat16 is filled up to a multiple of, as oneDNN is slow for others. 24 channels at 64x64, batch 16, with the gradient,
# TensorFlow 2.21: 2.4 ms instead of 14.8. 40 channels at 32x32: 1.2 instead of 5.0.
BATCH_NORM_CHANNELS_AT_ONCE = 16
