#!/bin/bash
# A short training that proves the installation: train_testcase.sh --code_url=DIR --data_url=DIR --result_url=DIR
# The three folders may also stand alone, in this order, before any flag, as in the first port.
#   --code_url=DIR     this code
#   --data_url=DIR     the dataset, and resnet50_full.ckpt, or Weights_imagenet/ with it, which may also be beside the code
#   --result_url=DIR   checkpoints, the table, and train_testcase.log go there
# Any flag of main.py may follow, and wins. Says "Run testcase success!" or "Run testcase failed!".

set -euo pipefail
# shellcheck source=tools/ascend/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

code_url="$ROOT" data_url='' result_url='' extra=() folders=()
for argument in "$@"; do
  case "$argument" in
    --code_url=*) code_url="$(value_of "$argument")" ;;
    --data_url=*) data_url="$(value_of "$argument")" ;;
    --result_url=*) result_url="$(value_of "$argument")" ;;
    -*) extra+=("$argument") ;;
    *) if [ "${#extra[@]}" -eq 0 ]; then folders+=("$argument"); else extra+=("$argument"); fi ;;
  esac
done
case "${#folders[@]}" in
  0) ;;
  3) code_url="${folders[0]}" data_url="${folders[1]}" result_url="${folders[2]}" ;;
  *) die "'${folders[*]}': name the folder of the code, of the data and of the results, or use --code_url=, --data_url= and --result_url=" ;;
esac
[ -n "$result_url" ] || die 'name a folder for the results: --result_url=DIR'
[ -f "$code_url/main.py" ] || die "--code_url=$code_url has no main.py"
mkdir -p "$result_url"
result_url="$(cd "$result_url" && pwd)"

flags=(--train_steps=200 --lr_decay= --save_every=200 --eval_every=0 --noreport "--model_dir=$result_url/model")
[ -z "$data_url" ] || flags+=("--data_dir=$data_url")
choose_weights "$data_url" "$code_url" ${extra[@]+"${extra[@]}"}
[ -z "$weights" ] || flags+=("--warm_start_from=$weights")

if "$PYTHON" "$code_url/main.py" "${PUBLISHED[@]}" "${flags[@]}" ${extra[@]+"${extra[@]}"} 2>&1 | tee "$result_url/train_testcase.log" &&
  [ -s "$result_url/model/checkpoint" ] && [ -s "$result_url/model/run_summary.json" ] && [ -s "$result_url/model/metrics.json" ]; then
  echo 'Run testcase success!' | tee -a "$result_url/train_testcase.log"
else
  echo 'Run testcase failed!' | tee -a "$result_url/train_testcase.log"
  exit 1
fi
