#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The include arrows of the architecture: which folder may include which, and which folder may see which
# outside library. Prints file:line of each violation; exit 1 when there is one.
#   tests/lint/layering.sh [ROOT]        ROOT: the tree to look at, this one by default
set -euo pipefail
root=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$root"

# Beyond the architecture's table: policies are Kubernetes objects, read by the same reader of object text as pods
# (gateway/identity/object_*), and `sallyport feeds` is a command about the feeds library itself.
# folder | prefixes that its files may name in #include "...", itself always among them. First match wins.
export ARROWS='
gateway/model/     |
gateway/dataplane/ | gateway/model/ gateway/policy/ classifier/
gateway/identity/  | gateway/model/
gateway/policy/    | gateway/model/ gateway/identity/object_
gateway/config/    | gateway/model/
gateway/control/   | gateway/ classifier/ feeds/ exporters/
gateway/cli/       | gateway/model/ gateway/control/ gateway/config/ feeds/ classifier/threat_
classifier/        | gateway/model/
feeds/             | gateway/model/ classifier/threat_ classifier/address_set classifier/suffix_hash classifier/pattern_set
exporters/         | gateway/model/
tests/             | gateway/ classifier/ feeds/ exporters/
'

# header pattern (extended regular expression) | files that may include it in <...>, as path prefixes.
# tests/ may include everything.
export LIBRARIES='
rte_.*\.h                  | gateway/dataplane/
yaml-cpp/.*                | gateway/config/ gateway/policy/ gateway/identity/
hs(/.*)?\.h|hs/.*          | classifier/
librdkafka/.*              | exporters/kafka_ feeds/kafka_
pcap(/.*|\.h)              | gateway/control/capture_
(gtest|gmock|benchmark)/.* | tests/
'

sources() {
    local folder
    for folder in gateway classifier feeds exporters tests; do
        if [[ -d $folder ]]; then
            find "$folder" -type f \( -name '*.h' -o -name '*.cc' \)
        fi
    done | LC_ALL=C sort
}

mapfile -t files < <(sources)
if [[ ${#files[@]} -eq 0 ]]; then
    echo "layering: no sources below $root" >&2
    exit 2
fi

awk '
function fail(message) {
    printf "%s:%d: %s\n", FILENAME, FNR, message
    bad = 1
}
function starts_with_any(text, prefixes,    list, i, n) {
    n = split(prefixes, list, " ")
    for (i = 1; i <= n; ++i) {
        if (index(text, list[i]) == 1) return 1
    }
    return 0
}
function check_own(target,    i) {
    if (target ~ /(^|\/)\.\.?\// || target !~ /\//) {
        fail("\"" target "\": include paths start at the root of the tree")
        return
    }
    for (i = 1; i <= arrows; ++i) {
        if (index(FILENAME, folder[i]) != 1) continue
        if (index(target, folder[i]) != 1 && !starts_with_any(target, allowed[i])) {
            fail(folder[i] " may not include \"" target "\"")
        }
        return
    }
    fail("no row of the include table covers this file")
}
function check_library(target,    i) {
    if (index(FILENAME, "tests/") == 1) return
    for (i = 1; i <= libraries; ++i) {
        if (target ~ ("^(" pattern[i] ")$") && !starts_with_any(FILENAME, owners[i])) {
            fail("<" target "> belongs to " owners[i])
        }
    }
    # The vocabulary rests on the standard library; its .cc files may use the C library of the system.
    if (FILENAME ~ /^gateway\/model\/.*\.h$/ && target !~ /^[a-z_0-9]+$/) {
        fail("<" target ">: a header of gateway/model/ includes the standard library only")
    }
}
BEGIN {
    rows = split(ENVIRON["ARROWS"], lines, "\n")
    for (r = 1; r <= rows; ++r) {
        if (split(lines[r], part, /[ \t]*\|[ \t]*/) == 2) { ++arrows; folder[arrows] = part[1]; allowed[arrows] = part[2] }
    }
    rows = split(ENVIRON["LIBRARIES"], lines, "\n")
    for (r = 1; r <= rows; ++r) {
        at = match(lines[r], /[ \t]+\|[ \t]/)
        if (at == 0) continue
        ++libraries
        pattern[libraries] = substr(lines[r], 1, at - 1)
        owners[libraries] = substr(lines[r], at + RLENGTH)
    }
}
/^[ \t]*#[ \t]*include[ \t]*"/ { split($0, part, "\""); check_own(part[2]) }
/^[ \t]*#[ \t]*include[ \t]*</ { split($0, part, /[<>]/); check_library(part[2]) }
END { exit bad }
' "${files[@]}" || { echo "layering: the arrows are in tests/lint/layering.sh" >&2; exit 1; }
echo "layering: ${#files[@]} files keep to the include table"
