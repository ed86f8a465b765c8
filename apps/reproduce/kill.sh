#!/usr/bin/env bash
# Kills lenet with SIGKILL at ten random moments of a training that saves a checkpoint after every batch; each time the last checkpoint
# has to load, and the run goes on from it.  Environment: lib.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
need "$lenet"
results=$work/kill
rm -rf "$results"
mkdir -p "$results"
checkpoint=$results/run.st
flags=("${data[@]}" --posit --limit 6400 --epochs 1000 --quiet --save "$checkpoint" --save-every 1)

loadable=0
for ((i = 1; i <= 10; ++i)); do
    resume=()
    if [[ -f $checkpoint ]]; then resume=(--resume "$checkpoint"); fi
    "$lenet" "${flags[@]}" "${resume[@]}" > "$results/$i.txt" 2>&1 &
    pid=$!
    for ((wait = 0; wait < 600; ++wait)); do  # until the first checkpoint is there
        if [[ -f $checkpoint ]]; then break; fi
        sleep 0.1
    done
    sleep "$(awk -v r="$RANDOM" 'BEGIN { printf "%.3f", 0.5 + 2.5 * r / 32768 }')"
    if ! kill -9 "$pid" 2> /dev/null; then say "kill: run $i had ended by itself: $(tail -n 1 "$results/$i.txt")"; fi
    wait "$pid" 2> /dev/null || true
    # Loading alone: a checkpoint of the first epoch or later is done at once if one epoch is all that is asked for.
    if "$lenet" "${data[@]}" --posit --limit 6400 --epochs 1 --quiet --resume "$checkpoint" > "$results/$i-load.txt" 2>&1; then
        loadable=$((loadable + 1))
    else
        say "kill: moment $i: $(tail -n 1 "$results/$i-load.txt")"
    fi
    say "kill: $loadable of $i checkpoints loaded"
done
promise kill_checkpoint_loadable "$loadable" 10
exit $short
