#!/usr/bin/env bash
# DCGAN on Fashion-MNIST, 28 x 28, batch 64: float32 against posit(8,2) with loss, master and state in posit(16,2), as a ratio of mean Frechet
# distances over 10,000 samples on the 84 features of one float32 LeNet-5, which is trained first.  dcgan_generator.json and dcgan_discriminator.json
# say where it rounds: around convolutions, as Qtorch+ does; gradients and Adam's state, whose numbers are small, in scaled posits.
# Leaves in dcgan_fashion/ each run's grids of samples (NAME-SEED/step-NNNNNN.png), losses (NAME-SEED.csv, .png) and checkpoint; a run that is done is
# kept, one that was stopped goes on.  The two runs of a seed share the cores.
# Environment: lib.sh, and
#   STEPS (6000)  of batch 64    SEEDS (3)  runs in each precision    SAMPLE_EVERY (1000)  steps between grids    LOSS_SCALE (1024)  of the posit runs
#                 (at one checkpoint, 16 to 4096 kept a step's gradients nearest to float32's)
#   EPOCHS (5)  of LeNet-5       SAMPLES (10000)  for the distance
set -euo pipefail
here=$(dirname "$0")
source "$here/lib.sh"
need "$lenet"
need "$dcgan"
results=$work/dcgan_fashion
mkdir -p "$results"
steps=${STEPS:-6000}
seeds=${SEEDS:-3}
features=$results/lenet-${EPOCHS:-5}.st

if [[ ! -f $features ]]; then
    say "dcgan_fashion: LeNet-5 for its features"
    "$lenet" "${data[@]}" --epochs "${EPOCHS:-5}" --quiet --save "$features.part" > "$results/lenet.txt"
    mv "$features.part" "$features"
    rm -f "$features.part.best"
fi

run() {  # run NAME SEED FLAGS...: leaves NAME-SEED.distance
    local name=$1 seed=$2 stem=$results/$1-$2 resume=()
    shift 2
    local flags=("${data[@]}" "$@" --seed "$seed" --steps "$steps" --frechet-images "${SAMPLES:-10000}")
    local settings="${flags[*]} $(cat "$here"/dcgan_*.json | cksum)"
    if [[ $(cat "$stem.flags" 2> /dev/null) != "$settings" ]]; then rm -rf "$stem" "$stem".{st,csv,png,distance}; fi  # other settings
    echo "$settings" > "$stem.flags"
    if [[ -f $stem.distance ]]; then return; fi
    if [[ -f $stem.st ]]; then resume=(--resume "$stem.st"); fi
    say "dcgan_fashion: $name, seed $seed"
    "$dcgan" "${flags[@]}" --features "$features" --threads $((($(nproc) + 1) / 2)) --quiet --csv "$stem.csv" --plot "$stem.png" \
        --samples "$stem" --sample-every "${SAMPLE_EVERY:-1000}" --save "$stem.st" --save-every 100 "${resume[@]}" > "$stem.txt"
    awk '/^Frechet/ { print $NF }' "$stem.txt" > "$stem.distance.part"
    mv "$stem.distance.part" "$stem.distance"
}

for ((seed = 1; seed <= seeds; ++seed)); do
    run float32 "$seed" &
    float32=$!
    run posit "$seed" --precision "$here/dcgan_generator.json" --discriminator-precision "$here/dcgan_discriminator.json" --loss-scale "${LOSS_SCALE:-1024}" &
    posit=$!
    wait $float32
    wait $posit
done

mean() { for ((seed = 1; seed <= seeds; ++seed)); do cat "$results/$1-$seed.distance"; done | awk '{ sum += $1 } END { printf "%.4f", sum / NR }'; }
printf '%-30s' "distance after $steps steps"
for ((seed = 1; seed <= seeds; ++seed)); do printf ' %9s' "seed $seed"; done
printf ' %9s\n' mean
for name in float32 posit; do
    title=$name
    if [[ $name == posit ]]; then title="posit(8,2), posit(16,2)"; fi
    printf '%-30s' "$title"
    for ((seed = 1; seed <= seeds; ++seed)); do printf ' %9s' "$(cat "$results/$name-$seed.distance")"; done
    printf ' %9s\n' "$(mean "$name")"
done
promise dcgan_fashion_posit8_over_float32 "$(awk -v a="$(mean posit)" -v b="$(mean float32)" 'BEGIN { printf "%.3f", a / b }')" "<=1.15"
exit $short
