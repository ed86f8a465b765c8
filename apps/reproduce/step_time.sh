#!/usr/bin/env bash
# Training steps on two threads, ours against the best PyTorch at hand, run in turn: LeNet-5 (batch 64; float32, and posit(8,2) with float32, exact
# and rounded sums), PreResNet-20 (batch 128) and DCGAN 64 x 64 (batch 64), both in float32 and posit(8,2).
# PyTorch: Debian's python3-torch where it is installed, and whatever TAPER_PYTHON names (interpreters, separated by blanks),
# with contiguous and with channels-last tensors.  Of each contender the shortest step counts, and the best round's median is shown:
# whatever else the machine does only ever adds to a time.
# Environment: lib.sh; TAPER_ROUNDS (5); TAPER_STEPS (300) of a round for LeNet-5, a twentieth of it for PreResNet-20, a fiftieth for DCGAN.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
need "$bench"
rounds=${TAPER_ROUNDS:-5}
here=$(dirname "$0")

pythons=()
for python in /usr/bin/python3 ${TAPER_PYTHON:-}; do
    if "$python" -c 'import torch' 2> /dev/null; then pythons+=("$python"); fi
done

declare -A median shortest best_torch=()
declare -A sums=([exact]="exact" [rounded_f32]="rounded_f32(posit(16,2))" [rounded]="rounded(posit(16,2))")  # all three products
declare -A sums_goals=([exact]=1.20 [rounded_f32]=3.00 [rounded]=6.00)                                       # of PyTorch's float32 step
declare -A part=([lenet5]=1 [preresnet20]=20 [dcgan64]=50)
least() { awk -v a="$1" -v b="$2" 'BEGIN { print b == "" || a + 0 < b + 0 ? a : b }'; }
record() {  # record MODEL NAME MEDIAN SHORTEST
    median[$1 $2]=$(least "$3" "${median[$1 $2]:-}")
    shortest[$1 $2]=$(least "$4" "${shortest[$1 $2]:-}")
}
run_round() {  # run_round MODEL
    local model=$1 steps=$((${TAPER_STEPS:-300} / part[$1]))
    if ((steps < 1)); then steps=1; fi
    # shellcheck disable=SC2046  # two numbers
    record "$model" float32 $("$bench" step --model "$model" --steps "$steps")
    # shellcheck disable=SC2046
    record "$model" posit8 $("$bench" step --model "$model" --posit --steps "$steps")
    for python in "${pythons[@]}"; do
        while read -r line; do
            # shellcheck disable=SC2086  # a name and two numbers
            record "$model" $line
        done < <(OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=2 "$python" "$here/step_time.py" "$steps" "$model")
    done
    if [[ $model != lenet5 ]]; then return; fi
    for name in "${!sums[@]}"; do
        # shellcheck disable=SC2046
        record "$model" "posit8_$name" $("$bench" step --posit --accumulate "${sums[$name]}" --steps "$steps")
    done
}
for ((round = 1; round <= rounds; ++round)); do
    for model in lenet5 preresnet20 dcgan64; do
        say "step_time: round $round of $rounds, $model"
        run_round "$model"
    done
done

show() {  # show MODEL TITLE
    printf '%-34s %10s %10s\n' "$2" shortest median
    for name in $(printf '%s\n' "${!shortest[@]}" | sed -n "s/^$1 //p" | sort); do
        printf '%-34s %10s %10s\n' "$name" "${shortest[$1 $name]}" "${median[$1 $name]}"
        if [[ $name == torch* ]]; then best_torch[$1]=$(least "${shortest[$1 $name]}" "${best_torch[$1]:-}"); fi
    done
}
show lenet5 "LeNet-5 step, batch 64, ms"
show preresnet20 "PreResNet-20 step, batch 128, ms"
show dcgan64 "DCGAN 64 x 64 step, batch 64, ms"

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }
over_torch() {  # over_torch MODEL LINE NAME GOAL
    if [[ -n ${best_torch[$1]:-} ]]; then
        promise "$2_step_$3_over_torch" "$(ratio "${shortest[$1 $3]}" "${best_torch[$1]}")" "<=$4"
    else
        echo "$2_step_$3_over_torch - <=$4 skipped (no PyTorch here: install python3-torch, or name a python in TAPER_PYTHON)"
    fi
}
over_float32() { promise "$2_step_posit8_over_float32" "$(ratio "${shortest[$1 posit8]}" "${shortest[$1 float32]}")" "<=$3"; }  # MODEL LINE GOAL
over_torch lenet5 lenet float32 1.00
for name in exact rounded_f32 rounded; do over_torch lenet5 lenet "posit8_$name" "${sums_goals[$name]}"; done
over_float32 lenet5 lenet 1.20
for model in preresnet20 dcgan64; do
    over_torch "$model" "$model" float32 1.10
    over_float32 "$model" "$model" 1.25
done
exit $short
