#!/bin/sh
# The arrows of the house: formats <- core <- autograd <- nn <- apps, and train within apps below its programs.  Usage: arrows.sh SOURCE_DIR
# Fails on an include that points up, on an include of one of our headers in another spelling, and on CUDA outside its rooms.
set -eu
cd "$1"
status=0
forbid() {  # FOLDER PATTERN WHY
    if grep -rnE --include='*.h' --include='*.cpp' --include='*.cu' "$2" "$1"; then
        echo "arrows: $1: $3" >&2
        status=1
    fi
}
forbid formats '#include <taper/(core|autograd|nn)/' 'formats knows numbers only'
forbid core '#include <taper/(autograd|nn)/' 'core knows no gradients'
forbid autograd '#include <taper/nn/' 'autograd knows no networks'
forbid apps/train '#include "(\.\./|train/|taper/|lenet/|resnet/|vgg/|dcgan/)' 'train knows no program; write #include <taper/train/FILE.h>'
for folder in formats core autograd nn; do
    forbid $folder '#include <taper/train/' 'the library knows no trainer'
    forbid $folder '#include "(\.\./|formats/|core/|autograd/|nn/|taper/)' 'write #include <taper/FOLDER/FILE.h>'
    forbid $folder '#include <(cuda|cublas|cudnn)' 'CUDA headers belong in cuda/'
done
for folder in autograd nn apps; do
    forbid $folder '#include <taper/core/cpu/' 'core/cpu is private to core'
done
if grep -rnE --include='*.h' --include='*.cpp' '^#.*if.*(__CUDACC__|__CUDA_ARCH__|TAPER_CUDA)' formats core autograd nn apps | grep -v '^formats/host_device.h:'; then
    echo "arrows: preprocessor tests for CUDA belong in cuda/ and formats/host_device.h" >&2
    status=1
fi
exit $status
