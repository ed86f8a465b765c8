#!/usr/bin/env bash
# PreResNet-20 on CIFAR-10 by the recipe of Qtorch+'s notebook: batch 128, SGD, learning rate 0.05, momentum 0.9, weight decay 5e-4; posit(8,2) with
# posit(16,2) master and state and loss scale 1000, placed as its code does (recipe qtorch_cifar10), and float32.  What counts is the running
# accuracy over the training images, as the notebook printed it: 69.2 in its fourth epoch; 25 epochs were published at 85.58 (QPyTorch's PR 6).
# Usage: preresnet_cifar10.sh [EPOCHS]: 4.  Some minutes an epoch on two cores.  Environment: lib.sh, with TAPER_CIFAR; TAPER_SEED (1), TAPER_LIMIT (all images).
set -euo pipefail
source "$(dirname "$0")/lib.sh"
need "$resnet"
need_cifar
epochs=${1:-4}
results=$work/preresnet_cifar10
mkdir -p "$results"

run() {  # run NAME FLAGS...
    local name=$1
    shift
    train_to "$results/$name" "$epochs" "$resnet" "${cifar[@]}" "$@" --seed "${TAPER_SEED:-1}" --limit "${TAPER_LIMIT:-0}"
}
run float32
run posit8 --precision qtorch_cifar10 --loss-scale 1000

accuracy() { field_of_epoch "$results/$1.csv" "$epochs" 5; }
printf '%-30s %14s %14s\n' "accuracy in epoch $epochs, %" "train, running" test
for name in float32 posit8; do printf '%-30s %14s %14s\n' "$name" "$(accuracy "$name")" "$(field_of_epoch "$results/$name.csv" "$epochs" 7)"; done
if ((epochs >= 4)); then promise preresnet_cifar10_posit8_train_epoch4 "$(field_of_epoch "$results/posit8.csv" 4 5)" 71.00; fi
promise preresnet_cifar10_posit8_behind_float32 "$(awk -v a="$(accuracy float32)" -v b="$(accuracy posit8)" 'BEGIN { printf "%.2f", a - b }')" "<=1.50"
exit $short
