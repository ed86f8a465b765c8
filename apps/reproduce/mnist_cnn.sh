#!/usr/bin/env bash
# The small network of Qtorch+'s notebook on MNIST: batch 64, SGD, learning rate 0.01, momentum 0.5, five epochs, seeds 1, 2, 3: posit(8,2) with posit(16,2)
# master and state (recipe qtorch_mnist) against float32.  Published: 98.17 and 98.13.  Some minutes on two cores.
# Environment: lib.sh, with TAPER_MNIST, a folder with MNIST's idx files; TAPER_LIMIT (all images), TAPER_EPOCHS (5).
set -euo pipefail
source "$(dirname "$0")/lib.sh"
need "$lenet"
if [[ -z ${TAPER_MNIST:-} ]]; then
    echo "${0##*/}: no data: TAPER_MNIST is not set (want a folder with MNIST's idx files)" >&2
    exit 2
fi
results=$work/mnist_cnn
mkdir -p "$results"
epochs=${TAPER_EPOCHS:-5}

run() {  # run NAME SEED FLAGS...
    local name=$1 seed=$2
    shift 2
    train_to "$results/$name-$seed" "$epochs" "$lenet" --data "$TAPER_MNIST" --model mnist_cnn --batch 64 --lr 0.01 --momentum 0.5 --schedule none \
        --limit "${TAPER_LIMIT:-0}" --seed "$seed" "$@"
}
for seed in 1 2 3; do
    run float32 "$seed"
    run posit8 "$seed" --precision qtorch_mnist
done

accuracy() { last_field "$results/$1-$2.csv" 7; }
mean() { for seed in 1 2 3; do accuracy "$1" "$seed"; done | awk '{ sum += $1 } END { printf "%.2f", sum / NR }'; }
printf '%-30s %8s %8s %8s %8s\n' "test accuracy, %" "seed 1" "seed 2" "seed 3" mean
for name in float32 posit8; do
    printf '%-30s %8s %8s %8s %8s\n' "$name" "$(accuracy "$name" 1)" "$(accuracy "$name" 2)" "$(accuracy "$name" 3)" "$(mean "$name")"
done
promise mnist_cnn_posit8 "$(mean posit8)" 98.00
promise mnist_cnn_posit8_behind_float32 "$(awk -v a="$(mean float32)" -v b="$(mean posit8)" 'BEGIN { printf "%.2f", a - b }')" "<=0.15"
exit $short
