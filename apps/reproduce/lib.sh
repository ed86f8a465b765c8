# What the scripts of this folder share; sourced, not run.
#   TAPER_BUILD  build folder (build)            TAPER_DATA  folder with idx files (Debian's dataset-fashion-mnist)
#   TAPER_CIFAR  folder with CIFAR-10's binary files, where a script wants them
#   TAPER_WORK   folder of results, so that a script that was stopped goes on where it was (reproduce-out)

build=${TAPER_BUILD:-build}
work=${TAPER_WORK:-reproduce-out}
data=()
if [[ -n ${TAPER_DATA:-} ]]; then data=(--data "$TAPER_DATA"); fi
cifar=(--data "${TAPER_CIFAR:-}")
lenet=$build/apps/lenet/lenet
resnet=$build/apps/resnet/resnet
dcgan=$build/apps/dcgan/dcgan
bench=$build/apps/bench/bench
short=0

need() {  # need PROGRAM
    if [[ ! -x $1 ]]; then
        echo "${0##*/}: $1 is not built (want TAPER_BUILD to name a build folder)" >&2
        exit 2
    fi
}

need_cifar() {
    if [[ -z ${TAPER_CIFAR:-} ]]; then
        echo "${0##*/}: no data: TAPER_CIFAR is not set (want a folder with CIFAR-10's binary files)" >&2
        exit 2
    fi
}

say() { echo "$*" >&2; }  # progress

# promise NAME VALUE GOAL: prints "NAME VALUE GOAL ok", or "... short", which makes the script end with 1.
# GOAL is the least value, or the greatest if it is written "<=1.0".
promise() {
    local verdict
    verdict=$(awk -v value="$2" -v goal="$3" 'BEGIN {
        most = sub(/^<=/, "", goal)
        print (most ? value + 0 <= goal + 0 : value + 0 >= goal + 0) ? "ok" : "short" }')
    echo "$1 $2 $3 $verdict"
    if [[ $verdict == short ]]; then short=1; fi
}

# last_field FILE I: field I (from 1) of a CSV file's last line; fields in quotes may hold commas.
last_field() {
    tail -n 1 "$1" | awk -v want="$2" '{
        for (n = 1; match($0, /^"[^"]*"/) || match($0, /^[^,]*/); ++n) {
            if (n == want) { print substr($0, RSTART, RLENGTH); exit }
            if (RLENGTH == length($0)) exit
            $0 = substr($0, RLENGTH + 2)
        } }'
}

# field_of_epoch FILE EPOCH I: field I of an epoch's line, in a CSV of one run.
field_of_epoch() { last_field <(head -n $(($2 + 1)) "$1") "$3"; }

# train_to PATH EPOCHS PROGRAM FLAGS...: trains quietly to the epoch, leaving PATH.csv, PATH.st, PATH.txt; goes on where an earlier run with the same flags
# stopped, and begins anew after one with others.
train_to() {
    local path=$1 epochs=$2 resume=()
    shift 2
    if [[ $(cat "$path.flags" 2> /dev/null) != "$*" ]]; then rm -f "$path.csv" "$path.st"; fi
    echo "$*" > "$path.flags"
    if [[ -f $path.csv && $(last_field "$path.csv" 2) == "$epochs" ]]; then return; fi
    if [[ -f $path.st ]]; then resume=(--resume "$path.st"); fi
    say "${0##*/}: ${path##*/}"
    "$@" --epochs "$epochs" --quiet --csv "$path.csv" --save "$path.st" "${resume[@]}" > "$path.txt"
}
