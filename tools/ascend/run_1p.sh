#!/bin/bash
# Train on one card, as published. Any flag of main.py may follow, and wins:
#   tools/ascend/run_1p.sh --data_dir=/data/voc --warm_start_from=/data/resnet50_full.ckpt --model_dir=runs/voc --precision=mixed

set -euo pipefail
# shellcheck source=tools/ascend/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

exec "$PYTHON" "$ROOT/main.py" "${PUBLISHED[@]}" "$@"
