#!/bin/sh
# Interesting while something is still rotated.
grep -q 'lm.rotate ' "$1"
