#!/usr/bin/env bash
# Published weights of ResNet-20, 32, 44 and 56 on CIFAR-10: their float32 accuracy, then ResNet-20 with the weights and inputs of its
# layers in small formats.  Leaves cifar_inference.csv and .png in the folder of results; a script that was stopped goes on where it was.
#   cifar_inference.sh [--data DIR] [--weights DIR] [--limit N]
#   --data     folder with the binary version of CIFAR-10 (or TAPER_CIFAR10): data_batch_1.bin, ..., test_batch.bin
#   --weights  folder with cifar10_resnet{20,32,44,56}.safetensors (or TAPER_CIFAR10_WEIGHTS)
#   --limit    N test images alone; then nothing is promised
# Other environment: lib.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
bench=$build/apps/format_bench/format_bench
images=${TAPER_CIFAR10:-}
weights=${TAPER_CIFAR10_WEIGHTS:-}
limit=()
while (($# > 0)); do
    case $1 in
        --data) images=${2:?} ;;
        --weights) weights=${2:?} ;;
        --limit) limit=(--limit "${2:?}") ;;
        *)
            echo "cifar_inference.sh: unknown argument: $1 (want --data DIR, --weights DIR or --limit N)" >&2
            exit 2
            ;;
    esac
    shift 2
done
need "$bench"
if [[ -z $images || -z $weights ]]; then
    echo "cifar_inference: skipped: no data (want --data with CIFAR-10 and --weights with the networks' weights)"
    exit 0
fi
results=$work/cifar_inference
mkdir -p "$results"

infer() {  # infer DEPTH CSV FLAGS...
    local depth=$1 csv=$2
    shift 2
    say "cifar_inference: resnet$depth"
    "$bench" infer "$weights/cifar10_resnet$depth.safetensors" --model "resnet$depth" --data "$images" "${limit[@]}" --csv "$results/$csv" "$@"
}

# The published accuracies: 100 less the errors 8.27, 7.37, 6.90 and 6.61 %.
declare -A published=([20]=91.73 [32]=92.63 [44]=93.10 [56]=93.39)
formats="posit(4..8,0..2), posit(16,1), e4m3, e5m2"
for depth in 20 32 44 56; do
    infer "$depth" float32.csv > "$results/resnet$depth.txt"
done
infer 20 cifar_inference.csv --formats "$formats" --scale max_fit --plot "$results/cifar_inference.png"

top1() { awk -F, -v model="$1" '$2 == model { print $(NF - 5); exit }' "$results/float32.csv"; }
for depth in 20 32 44 56; do
    if ((${#limit[@]} > 0)); then
        say "resnet$depth float32: $(top1 "resnet$depth") % of ${limit[1]} images"
        continue
    fi
    difference=$(awk -v a="$(top1 "resnet$depth")" -v b="${published[$depth]}" 'BEGIN { d = a - b; printf "%.2f", d < 0 ? -d : d }')
    promise "cifar_resnet${depth}_float32_from_published" "$difference" "<=0.10"
done
exit $short
