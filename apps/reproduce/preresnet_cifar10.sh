#!/usr/bin/env bash
# PreResNet-20 on CIFAR-10 by the recipe of Qtorch+'s notebook: batch 128, SGD, learning rate 0.05, momentum 0.9, weight decay 5e-4; posit(8,2) with
# posit(16,2) master and state and loss scale 1000, placed as its code does (recipe qtorch_cifar10), and float32.  What counts is the running
# accuracy over the training images, as the notebook printed it: 69.2 in its fourth epoch; 25 epochs were published at 85.58 (QPyTorch's PR 6).
# One seed's two runs differ by a point either way: the means over seeds are compared.
# Usage: preresnet_cifar10.sh [EPOCHS]: 4.  About a minute an epoch on two cores.  Environment: lib.sh, with TAPER_CIFAR; TAPER_SEEDS ("1 2 3"),
# TAPER_LIMIT (all images).
set -euo pipefail
source "$(dirname "$0")/lib.sh"
need "$resnet"
need_cifar
epochs=${1:-4}
results=$work/preresnet_cifar10
mkdir -p "$results"

seeds=${TAPER_SEEDS:-1 2 3}

run() {  # run NAME SEED FLAGS...
    local name=$1 seed=$2
    shift 2
    train_to "$results/$name-$seed" "$epochs" "$resnet" "${cifar[@]}" "$@" --seed "$seed" --limit "${TAPER_LIMIT:-0}"
}
for seed in $seeds; do
    run float32 "$seed"
    run posit8 "$seed" --precision qtorch_cifar10 --loss-scale 1000
done

train=5 test=7               # fields of the CSV
accuracy() { field_of_epoch "$results/$1.csv" "$2" "$3"; }  # accuracy RUN EPOCH FIELD
mean() {  # mean NAME EPOCH FIELD: over the seeds
    for seed in $seeds; do accuracy "$1-$seed" "$2" "$3"; done | awk '{ sum += $1 } END { printf "%.2f", sum / NR }'
}
printf '%-30s %14s %14s\n' "accuracy in epoch $epochs, %" "train, running" test
for name in float32 posit8; do
    for seed in $seeds; do
        printf '%-30s %14s %14s\n' "$name, seed $seed" "$(accuracy "$name-$seed" "$epochs" $train)" "$(accuracy "$name-$seed" "$epochs" $test)"
    done
    printf '%-30s %14s %14s\n' "$name, mean" "$(mean "$name" "$epochs" $train)" "$(mean "$name" "$epochs" $test)"
done
if ((epochs >= 4)); then promise preresnet_cifar10_posit8_train_epoch4 "$(mean posit8 4 $train)" 71.00; fi
behind=$(awk -v a="$(mean float32 "$epochs" $train)" -v b="$(mean posit8 "$epochs" $train)" 'BEGIN { printf "%.2f", a - b }')
promise preresnet_cifar10_posit8_behind_float32 "$behind" "<=1.50"
exit $short
