#!/usr/bin/env bash
# A training step of LeNet-5, batch 64, two threads: ours (float32; posit(8,2) with float32, exact and rounded sums) against the best
# PyTorch at hand, run in turn.
# PyTorch: Debian's python3-torch where it is installed, and whatever TAPER_PYTHON names (interpreters, separated by blanks),
# with contiguous and with channels-last tensors.  Of each contender the shortest step counts, and the best round's median is shown:
# whatever else the machine does only ever adds to a time.  Environment: lib.sh; TAPER_ROUNDS (5) and TAPER_STEPS (300) of a round.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
need "$bench"
rounds=${TAPER_ROUNDS:-5}
steps=${TAPER_STEPS:-300}
here=$(dirname "$0")

pythons=()
for python in /usr/bin/python3 ${TAPER_PYTHON:-}; do
    if "$python" -c 'import torch' 2> /dev/null; then pythons+=("$python"); fi
done

declare -A median shortest
declare -A sums=([exact]="exact" [rounded_f32]="rounded_f32(posit(16,2))" [rounded]="rounded(posit(16,2))")  # all three products
declare -A sums_goals=([exact]=1.20 [rounded_f32]=3.00 [rounded]=6.00)                                       # of PyTorch's float32 step
least() { awk -v a="$1" -v b="$2" 'BEGIN { print b == "" || a + 0 < b + 0 ? a : b }'; }
record() {  # record NAME MEDIAN SHORTEST
    median[$1]=$(least "$2" "${median[$1]:-}")
    shortest[$1]=$(least "$3" "${shortest[$1]:-}")
}
for ((round = 1; round <= rounds; ++round)); do
    say "step_time: round $round of $rounds"
    # shellcheck disable=SC2046  # two numbers
    record float32 $("$bench" step --steps "$steps")
    # shellcheck disable=SC2046
    record posit8 $("$bench" step --posit --steps "$steps")
    for name in "${!sums[@]}"; do
        # shellcheck disable=SC2046
        record "posit8_$name" $("$bench" step --posit --accumulate "${sums[$name]}" --steps "$steps")
    done
    for python in "${pythons[@]}"; do
        while read -r line; do
            # shellcheck disable=SC2086  # a name and two numbers
            record $line
        done < <(OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=2 "$python" "$here/step_time.py" "$steps")
    done
done

torch=
printf '%-34s %10s %10s\n' "LeNet-5 step, batch 64, ms" shortest "median"
for name in $(printf '%s\n' "${!shortest[@]}" | sort); do
    printf '%-34s %10s %10s\n' "$name" "${shortest[$name]}" "${median[$name]}"
    if [[ $name == torch* ]]; then torch=$(least "${shortest[$name]}" "$torch"); fi
done
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }
over_torch() {  # over_torch NAME GOAL
    if [[ -n $torch ]]; then
        promise "lenet_step_$1_over_torch" "$(ratio "${shortest[$1]}" "$torch")" "<=$2"
    else
        echo "lenet_step_$1_over_torch - <=$2 skipped (no PyTorch here: install python3-torch, or name a python in TAPER_PYTHON)"
    fi
}
over_torch float32 1.00
for name in exact rounded_f32 rounded; do over_torch "posit8_$name" "${sums_goals[$name]}"; done
promise lenet_step_posit8_over_float32 "$(ratio "${shortest[posit8]}" "${shortest[float32]}")" "<=1.20"
exit $short
