#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The golden documents pass check_ecs.py, and each planted fault is found: a checker that finds nothing
# is worth nothing. Usage: check_ecs_test.sh SOURCE_ROOT
set -eu
root=$1
golden=$root/tests/unit/exporters/golden/ecs.ndjson
check="python3 $root/tests/support/check_ecs.py"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

status=0
$check --unique "$golden" || status=$?
[ "$status" = 0 ] || exit "$status"

plant() { # name, sed expression on the first document
    head -n 1 "$golden" | sed "$2" >"$work/$1.ndjson"
    if cmp -s "$work/$1.ndjson" "$work/clean"; then
        echo "not ok $1: the fault was not planted"
        exit 1
    fi
    if $check "$work/$1.ndjson" >"$work/out"; then
        echo "not ok $1: the fault was not found"
        exit 1
    fi
    echo "ok $1: $(head -n 1 "$work/out" | cut -d: -f3-)"
}
head -n 1 "$golden" >"$work/clean"
plant unknown_field 's/"vendor":/"vendr":/'
plant wrong_type 's/"port":443/"port":"443"/'
plant not_an_address 's/"ip":"192.0.2.80"/"ip":"192.0.2.0\/24"/'
plant scalar_for_array 's/"category":\["network"\]/"category":"network"/'
plant illegal_pair 's/"type":\["connection","end"/"type":["connection","indicator"/'
plant illegal_value 's/"direction":"outbound"/"direction":"outwards"/'
plant empty_text 's/"reason":"policy-allow"/"reason":""/'
plant bad_date 's/18.123456789Z/18.123456789/'
plant missing 's/"action":"flow-end",//'
plant dotted_key 's/"ecs":{"version":"9.4.0"}/"ecs.version":"9.4.0"/'
plant large_number 's/"generation":1207/"generation":9007199254740993/'
plant date_like_key 's/"close_reason"/"end"/'
plant torn_line 's/}$//'
