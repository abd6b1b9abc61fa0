#!/bin/bash
# What the training scripts share. Sourced by them; the scripts set -euo pipefail.
# They stay in the folder that they are started from, so that relative paths mean what their user means.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
PYTHON="${PYTHON:-python3}"

# The published training: the preset brings its schedule. A flag given later wins.
PUBLISHED=(--mode=train --platform=npu --preset=blitznet300 --dataset=voc12-train-seg-aug --iterations_per_loop=100 --save_every=5000
  --precision=mixed --npu_hcom_parallel)

die() {
  echo "error: $*" >&2
  exit 2
}

# Value of an argument --name=value, with the user's folder for a leading ~, which the shell leaves in such a word
value_of() {
  local value="${1#*=}"
  case "$value" in
    \~ | \~/*) value="$HOME${value#\~}" ;;
  esac
  echo "$value"
}

# The path of resnet50_full.ckpt in the first of the folders that has it, as the published single file or as a checkpoint of several
find_weights() {
  local folder
  for folder in "$@"; do
    if [ -n "$folder" ] && { [ -f "$folder/resnet50_full.ckpt" ] || [ -f "$folder/resnet50_full.ckpt.index" ]; }; then
      echo "$folder/resnet50_full.ckpt"
      return
    fi
  done
}

# Sets weights to the path for --warm_start_from: '' where one of the words is that flag, or, with a warning, where no folder has the file.
# As the first port has it, the file may lie in Weights_imagenet, beside the data or beside the code.
#   choose_weights <folder of the data> <folder of the code> <words...>
choose_weights() {
  local data="$1" code="$2" word
  shift 2
  weights=''
  for word in "$@"; do
    case "$word" in --warm_start_from*) return ;; esac
  done
  weights="$(find_weights "$data" "${data:+$data/Weights_imagenet}" "$code/Weights_imagenet" "$code/../Weights_imagenet")"
  if [ -z "$weights" ]; then
    echo 'warning: no resnet50_full.ckpt in the folder of the data, or in Weights_imagenet there or beside the code: training starts from random weights.' >&2
  fi
}

is_true() {
  case "$1" in
    True | true | 1) return 0 ;;
    False | false | 0 | '') return 1 ;;
    *) die "'$1' must be True or False" ;;
  esac
}

# Sets the variables that the acceptance scripts take, and collects the other arguments, for main.py, in EXTRA.
parse_acceptance_arguments() {
  data_path='' ckpt_path='' precision_mode='' over_dump=False data_dump_flag=False data_dump_step=10 profiling=False
  output="$ROOT/test/output" EXTRA=()
  local argument
  for argument in "$@"; do
    case "$argument" in
      --data_path=*) data_path="$(value_of "$argument")" ;;
      --ckpt_path=*) ckpt_path="$(value_of "$argument")" ;;
      --precision_mode=*) precision_mode="$(value_of "$argument")" ;;
      --over_dump=*) over_dump="$(value_of "$argument")" ;;
      --data_dump_flag=*) data_dump_flag="$(value_of "$argument")" ;;
      --data_dump_step=*) data_dump_step="$(value_of "$argument")" ;;
      --profiling=*) profiling="$(value_of "$argument")" ;;
      --output=*) output="$(value_of "$argument")" ;;
      -h | --help)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
      *) EXTRA+=("$argument") ;;
    esac
  done
}

# The flags of main.py that the acceptance arguments stand for, in ASKED.
collect_asked_flags() {
  local folder="$1" data="$data_path"
  ASKED=()
  if [ -n "$data" ] && [ -d "$data/Datasets" ]; then data="$data/Datasets"; fi # as the first port has it, beside Weights_imagenet
  [ -z "$data" ] || ASKED+=("--data_dir=$data")
  if [ -d "$ckpt_path" ]; then ckpt_path="$ckpt_path/resnet50_full.ckpt"; fi
  if [ -z "$ckpt_path" ]; then
    choose_weights "$data_path" "$ROOT" ${EXTRA[@]+"${EXTRA[@]}"}
    ckpt_path="$weights"
  fi
  [ -z "$ckpt_path" ] || ASKED+=("--warm_start_from=$ckpt_path")
  case "$precision_mode" in
    '') ;;
    allow_mix_precision) ASKED+=(--precision=mixed) ;;
    *) ASKED+=(--precision=fp32 "--npu_precision_mode=$precision_mode") ;;
  esac
  if is_true "$over_dump"; then ASKED+=(--npu_overflow_dump=all); fi
  if is_true "$data_dump_flag"; then ASKED+=("--npu_dump_step=$data_dump_step" --npu_dump_mode=all); fi
  if is_true "$over_dump" || is_true "$data_dump_flag"; then ASKED+=("--npu_dump_path=$folder/dump"); fi
  if is_true "$profiling"; then ASKED+=("--npu_profiling=$folder/profiling"); fi
}

# Trains and reports: run_acceptance <perf|acc> <flags of this script>, with what parse_acceptance_arguments has set.
# The long training resumes where it was stopped; the short one starts anew, as a finished run would measure nothing.
run_acceptance() {
  local case_name="$1" device="${ASCEND_DEVICE_ID:-${DEVICE_ID:-0}}" start=$SECONDS
  shift
  local folder="$output/$device"
  local model_dir="$folder/model_$case_name"
  collect_asked_flags "$folder"
  if [ "$case_name" = perf ]; then rm -rf "$model_dir"; fi
  mkdir -p "$folder"
  "$PYTHON" "$ROOT/main.py" "${PUBLISHED[@]}" "$@" ${ASKED[@]+"${ASKED[@]}"} "--model_dir=$model_dir" ${EXTRA[@]+"${EXTRA[@]}"} \
    2>&1 | tee "$folder/train_$case_name.log"
  PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}" "$PYTHON" -m tools.ascend.acceptance "--model_dir=$model_dir" "--case=$case_name" "--device=$device" "--output=$output" \
    "--total_seconds=$((SECONDS - start))"
}
