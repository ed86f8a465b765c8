#!/usr/bin/env bash
# LeNet-5 on Fashion-MNIST as PositNN trained it (batch 64, ten epochs, SGD momentum 0.5, learning rate 1/16 halved after every 4 epochs), one
# seed, six cells beside what its authors published (arXiv 2105.00053).  Writes positnn_table/table.csv and table.md; a cell that is done is kept.
# PositNN reads weights through a low-precision copy of the optimizer's (`weights` beside `master`) and divides by the batch only in the
# gradients of weights, so that errors are 64 times ours: hence the loss scale.
# Environment: lib.sh, and
#   TAPER_STEP        the optimizer's roundings (every-operation), see lenet --step    TAPER_LOSS_SCALE  (64)
#   TAPER_ACCUMULATE  one accumulator for all cells instead of their own               TAPER_EPOCHS (10), TAPER_SEED (1)
set -euo pipefail
source "$(dirname "$0")/lib.sh"
need "$lenet"
results=$work/positnn_table
mkdir -p "$results"
step=${TAPER_STEP:-every-operation}
scale=${TAPER_LOSS_SCALE:-64}
epochs=${TAPER_EPOCHS:-10}
seed=${TAPER_SEED:-1}

cells=(posit8_exact posit16_1_rounded posit16_2_rounded posit8_rounded posit5_exact posit5_underflow_exact)
declare -A low=([posit8_exact]="posit(8,2)" [posit16_1_rounded]="posit(16,1)" [posit16_2_rounded]="posit(16,2)" [posit8_rounded]="posit(8,2)"
                [posit5_exact]="posit(5,2)" [posit5_underflow_exact]="posit(5,2,underflow)")  # inputs to gradients
declare -A high=([posit8_exact]="posit(16,2)" [posit16_1_rounded]="posit(16,1)" [posit16_2_rounded]="posit(16,2)" [posit8_rounded]="posit(8,2)"
                 [posit5_exact]="posit(12,2)" [posit5_underflow_exact]="posit(12,2)")  # loss, master, state
declare -A published=([posit8_exact]=90.46 [posit16_1_rounded]=90.87 [posit16_2_rounded]=90.55 [posit8_rounded]=12.55
                      [posit5_exact]=54.19 [posit5_underflow_exact]=80.20)
declare -A goal=([posit8_exact]=90.00 [posit16_1_rounded]=89.70 [posit16_2_rounded]=89.70 [posit8_rounded]="<=30.00")

accumulator() {  # accumulator CELL
    local own=exact
    if [[ $1 == *_rounded ]]; then own="rounded(${low[$1]})"; fi
    echo "${TAPER_ACCUMULATE:-$own}"
}

run() {  # run CELL: leaves CELL.csv, its last line that of the last epoch
    local cell=$1 role
    local flags=("${data[@]}" --seed "$seed" --batch 64 --momentum 0.5 --lr 0.0625 --halve-every 4 --loss-scale "$scale" --step "$step"
                 --accumulate "$(accumulator "$cell")")
    for role in inputs weights activations errors gradients; do flags+=("--$role" "${low[$cell]}"); done
    for role in loss master state; do flags+=("--$role" "${high[$cell]}"); done
    train_to "$results/$cell" "$epochs" "$lenet" "${flags[@]}"
}

for cell in "${cells[@]}"; do run "$cell"; done

accuracy() { last_field "$results/$1.csv" 7; }
formats() { if [[ ${low[$1]} == "${high[$1]}" ]]; then echo "${low[$1]}"; else echo "${low[$1]}; loss, master, state ${high[$1]}"; fi; }
echo "cell,formats,accumulator,step,epochs,accuracy,published" > "$results/table.csv"
{
    echo "Test accuracy in %, $epochs epochs, seed $seed, optimizer's step rounded by \`$step\`."
    echo
    echo "| cell | formats | accumulator | accuracy here | published |"
    echo "| --- | --- | --- | --- | --- |"
} > "$results/table.md"
for cell in "${cells[@]}"; do
    echo "$cell,\"$(formats "$cell")\",\"$(accumulator "$cell")\",$step,$epochs,$(accuracy "$cell"),${published[$cell]}" >> "$results/table.csv"
    echo "| $cell | $(formats "$cell") | $(accumulator "$cell") | $(accuracy "$cell") | ${published[$cell]} |" >> "$results/table.md"
done
cat "$results/table.md"
echo
for cell in "${cells[@]}"; do
    if [[ -n ${goal[$cell]:-} ]]; then promise "positnn_$cell" "$(accuracy "$cell")" "${goal[$cell]}"; fi
done
exit $short
