#!/usr/bin/env bash
# LeNet-5 on Fashion-MNIST, ten epochs, seeds 1, 2, 3: float32 against posit(8,2) with loss, master and state in posit(16,2).
# Some minutes on two cores.  Environment: lib.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
need "$lenet"
results=$work/lenet_fashion
mkdir -p "$results"

run() {  # run NAME SEED FLAGS...
    local name=$1 seed=$2
    shift 2
    train_to "$results/$name-$seed" 10 "$lenet" "${data[@]}" "$@" --seed "$seed"
}

for seed in 1 2 3; do
    run float32 "$seed"
    run posit "$seed" --posit
done

accuracy() { last_field "$results/$1-$2.csv" 7; }
mean() { for seed in 1 2 3; do accuracy "$1" "$seed"; done | awk '{ sum += $1 } END { printf "%.2f", sum / NR }'; }
printf '%-30s %8s %8s %8s %8s\n' "test accuracy, %" "seed 1" "seed 2" "seed 3" mean
for name in float32 posit; do
    title=$name
    if [[ $name == posit ]]; then title="posit(8,2), posit(16,2)"; fi
    printf '%-30s %8s %8s %8s %8s\n' "$title" "$(accuracy "$name" 1)" "$(accuracy "$name" 2)" "$(accuracy "$name" 3)" "$(mean "$name")"
done
promise lenet_fashion_float32 "$(mean float32)" 90.00
promise lenet_fashion_posit8 "$(mean posit)" 90.00
promise lenet_fashion_posit8_behind_float32 "$(awk -v a="$(mean float32)" -v b="$(mean posit)" 'BEGIN { printf "%.2f", a - b }')" "<=0.50"
exit $short
