#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs an example, and looks for the line that the documentation promises.
set -eu
output=$("$1")
printf '%s\n' "$output"
printf '%s\n' "$output" | grep -qF -- "$2"
