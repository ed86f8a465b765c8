#!/usr/bin/env bash
# A training step of LeNet-5, batch 64, two threads: ours against the best PyTorch at hand, run in turn.
# PyTorch: Debian's python3-torch where it is installed, and whatever TAPER_PYTHON names (interpreters, separated by blanks),
# with contiguous and with channels-last tensors.  Of each contender the best round's median counts.  Environment: lib.sh.
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

declare -A best
record() {  # record NAME MILLISECONDS
    if [[ -z ${best[$1]:-} ]] || awk -v a="$2" -v b="${best[$1]}" 'BEGIN { exit !(a < b) }'; then best[$1]=$2; fi
}
for ((round = 1; round <= rounds; ++round)); do
    say "step_time: round $round of $rounds"
    record float32 "$("$bench" step --steps "$steps" | cut -d ' ' -f 1)"
    record posit8 "$("$bench" step --posit --steps "$steps" | cut -d ' ' -f 1)"
    for python in "${pythons[@]}"; do
        while read -r name median; do record "$name" "$median"; done < <(
            OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=2 "$python" "$here/step_time.py" "$steps")
    done
done

torch=
printf '%-32s %s\n' "LeNet-5 step, batch 64" "ms, best round's median"
for name in $(printf '%s\n' "${!best[@]}" | sort); do
    printf '%-32s %s\n' "$name" "${best[$name]}"
    if [[ $name == torch* ]] && { [[ -z $torch ]] || awk -v a="${best[$name]}" -v b="$torch" 'BEGIN { exit !(a < b) }'; }; then torch=${best[$name]}; fi
done
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }
if [[ -n $torch ]]; then
    promise lenet_step_float32_over_torch "$(ratio "${best[float32]}" "$torch")" "<=1.00"
else
    echo "lenet_step_float32_over_torch - <=1.00 skipped (no PyTorch here: install python3-torch, or name a python in TAPER_PYTHON)"
fi
promise lenet_step_posit8_over_float32 "$(ratio "${best[posit8]}" "${best[float32]}")" "<=1.20"
exit $short
