#!/usr/bin/env bash
# Kills lenet and resnet with SIGKILL at random moments of a training that saves a checkpoint after every batch: each time the run goes on
# from its last checkpoint, and in the end it has the bits of a run that nobody disturbed.  A run that ends before all kills are done is begun anew.
# Usage: kill.sh [KILLS]: 100, half of them each; resnet's go to lenet where TAPER_CIFAR names no CIFAR-10.  Environment: lib.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
kills=${1:-100}
results=$work/kill
rm -rf "$results"
mkdir -p "$results"

# disturb NAME KILLS PROGRAM FLAGS...: kills the program so often; counts equal and different ends.
disturb() {
    local name=$1 left=$2 whole=$results/$1-whole.st parts=$results/$1-parts.st pid killed=0 equal=0 different=0 resume
    shift 2
    "$@" --quiet --save "$whole" > "$results/$name-whole.txt"
    while ((killed < left || equal + different == 0)) || [[ -f $parts ]]; do
        resume=()
        if [[ -f $parts ]]; then resume=(--resume "$parts"); fi
        "$@" --quiet --save "$parts" --save-every 1 "${resume[@]}" > "$results/$name-parts.txt" 2>&1 &
        pid=$!
        if ((killed < left)); then
            sleep "$(awk -v r="$RANDOM" 'BEGIN { printf "%.3f", 0.1 + 1.4 * r / 32768 }')"
            if kill -9 "$pid" 2> /dev/null; then killed=$((killed + 1)); fi
        fi
        if wait "$pid" 2> /dev/null; then  # it came to its end
            if cmp -s "$whole" "$parts"; then equal=$((equal + 1)); else different=$((different + 1)); fi
            rm -f "$parts"
        elif grep -q . "$results/$name-parts.txt"; then  # an error: what was killed said nothing
            say "kill: $name: $(tail -n 1 "$results/$name-parts.txt")"
            different=$((different + 1))
            rm -f "$parts"
        fi
    done
    say "kill: $name: $killed kills, $equal ends with the same bits, $different with others"
    promise "kill_${name}_kills" "$killed" "$left"
    promise "kill_${name}_other_bits" "$different" "<=0"
}

need "$lenet"
lenets=$kills
if [[ -n ${TAPER_CIFAR:-} ]]; then
    need "$resnet"
    lenets=$((kills - kills / 2))
    disturb resnet $((kills / 2)) "$resnet" "${cifar[@]}" --precision qtorch_cifar10 --loss-scale 1000 --augment --limit 512 --batch 32 --epochs 2
fi
disturb lenet "$lenets" "$lenet" "${data[@]}" --posit --errors "posit(8,2) stochastic" --limit 6400 --epochs 20
exit $short
