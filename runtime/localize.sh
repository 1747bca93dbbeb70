#!/bin/sh
# SPDX-License-Identifier: MIT
# Links an archive into one object and makes every hidden symbol local to it.
set -eu
ld=$1 objcopy=$2 archive=$3 output=$4
"$ld" -r --whole-archive "$archive" -o "$output"
"$objcopy" --localize-hidden "$output"
