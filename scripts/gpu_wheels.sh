#!/bin/sh
# Unpack what the program needs beside torch into a folder, for a GPU machine that reaches no package index:
#     scripts/gpu_wheels.sh .wheels          here; then copy the checkout with that folder, and there:
#     PYTHONPATH=$PWD/.wheels python3 -m benchmarks.gpu
# torch, numpy, scipy and scikit-learn are expected there. VERSION is the Python of that machine, MACHINE its processor.
set -eu
folder=${1:?usage: scripts/gpu_wheels.sh FOLDER}
version=${VERSION:-3.12} machine=${MACHINE:-x86_64}
platforms=""
for tag in manylinux_2_28 manylinux_2_27 manylinux_2_17 manylinux2014 manylinux1; do
    platforms="$platforms --platform ${tag}_$machine"
done
# shellcheck disable=SC2086
${PYTHON:-python3} -m pip --disable-pip-version-check install --quiet --no-compile --upgrade --target "$folder" \
    --only-binary=:all: --implementation cp --python-version "$version" $platforms \
    "textual>=8.2,<8.3" "plotext>=5.3.2,<6" "pydantic>=2.12,<3" "click>=8.2,<9" "psutil>=6" "safetensors>=0.5" \
    "tomli-w>=1.1" "platformdirs>=4.2" pyte
rm -rf "$folder/bin"
du -sm "$folder" | awk '{ print $2 ": " $1 " MiB"; exit $1 > 64 }'
