"""The batch, key by key: what `input_fn` yields, what `model_fn` takes, and what its predictions hold.

B is the batch size, S the input's side, s the segmentation size, A the number of anchors, M = max_boxes, C = num_classes with the background.
Every shape of a batch is static. Boxes are as in `boxes.py`: float32 [ymin, xmin, ymax, xmax], fractions of the image.

features, every mode
  image      [B, S, S, 3] float32  RGB in [0, 1]; the whole image resized, aspect ratio not kept (TRAIN: augmented)
features, EVAL and PREDICT also
  source_id  [B] int64             index of the image in its split's order, from 0; -1 where the batch is padded
  size       [B, 2] int32          height and width of the image's own pixels; 1, 1 where padded
labels, TRAIN and EVAL
  match      [B, A] int16          index of the anchor's box in `boxes`; BACKGROUND (-1); UNUSED (-2): no box labels for this image
  boxes      [B, M, 4] float32     ground truth, padded with 0
  classes    [B, M] int32          1 to C - 1, padded with 0
  mask       [B, s, s] int32       class of each pixel; 255 = no label, everywhere where the image has no mask or is padding

predictions of PREDICT
  source_id, size                  as in features
  boxes      [B, K, 4] float32     best first, K = top_k_post_nms, clipped to the image, padded with 0        (with detect)
  scores     [B, K] float32        padded with 0                                                              (with detect)
  classes    [B, K] int32          1 to C - 1, padded with 0                                                  (with detect)
  num_detections [B] int32                                                                                    (with detect)
  segmentation [B, H, W] uint8     class of each pixel at the image's own size; H and W are the batch's largest,
                                   the rest of a smaller image is padding                                     (with segment)
With params['raw_predictions'] (a device whose graph can't hold NMS) instead of these: `confidence` [B, A, C] before softmax,
`location` [B, A, 4], `segmentation` [B, s, s, C] logits; the host finishes them with `evaluation.host_postprocess`.

Ground truth for scoring does not travel through the device: the host reads it by `source_id` (`input_fn.ground_truth`), so that
evaluation has static shapes everywhere, and images of any size.
"""
BACKGROUND = -1
UNUSED = -2
