#!/bin/bash
# Acceptance of the accuracy: the whole published training on one card.
#   --data_path=DIR            folder of the dataset (--dataset=..., voc12-train-seg-aug unless given)
#   --ckpt_path=PATH           resnet50_full.ckpt, or the folder it is in
#   --precision_mode=MODE      allow_mix_precision, allow_fp32_to_fp16, force_fp16, must_keep_origin_dtype
#   --over_dump=True|False     detect overflows, and dump them
#   --data_dump_flag=True|False --data_dump_step="0|5|10"   dump tensors of these steps
#   --profiling=True|False     profile the run
#   --output=DIR               test/output unless given
# Any flag of main.py may follow, and wins. Ends with the closing lines, also in <output>/<device>/BlitzNet_bs<batch>_1p_acc.log

set -euo pipefail
# shellcheck source=tools/ascend/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

parse_acceptance_arguments "$@"
run_acceptance acc
