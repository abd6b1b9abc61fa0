#!/bin/bash
# Acceptance of the speed: 1000 steps of the published training on one card, an evaluation at the end.
#   --data_path=DIR            folder of the dataset (--dataset=..., voc12-train-seg-aug unless given)
#   --ckpt_path=PATH           resnet50_full.ckpt, or the folder it is in
#   --precision_mode=MODE      allow_mix_precision, allow_fp32_to_fp16, force_fp16, must_keep_origin_dtype
#   --over_dump=True|False     detect overflows, and dump them
#   --data_dump_flag=True|False --data_dump_step="0|5|10"   dump tensors of these steps
#   --profiling=True|False     profile the run
#   --output=DIR               test/output unless given
# Any flag of main.py may follow, and wins. Ends with the closing lines, also in <output>/<device>/BlitzNet_bs<batch>_1p_perf.log

set -euo pipefail
# shellcheck source=tools/ascend/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

parse_acceptance_arguments "$@"
run_acceptance perf --train_steps=1000 --lr_decay= --save_every=1000 --eval_every=0 --noreport
