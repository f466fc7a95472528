#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The lab: two Kubernetes nodes' worth of pods, a place for the gateway, and an "internet", all in
# network namespaces named sp-<lab>-*. See deploy/README.md for the drawing.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly HERE
readonly PODS="$HERE/pods.txt"
readonly NAMES="$HERE/names.txt"
readonly ECHO_PORT=9999
readonly RESOLVER=198.51.100.53
readonly READY_SECONDS_MAX=20

LAB=lab
STATE=
NS=

usage() {
    cat <<'TEXT'
Example: deploy/lab/lab.sh up && deploy/lab/lab.sh exec api-1 curl -s http://cdn.clean.example/

lab.sh [-n NAME] [-d DIR] COMMAND
  up                 namespaces, links, servers, and DIR with pods.json, feeds, policy, ca.pem, sallyport.yaml
  config file        DIR/sallyport.yaml with a file sink (events.ndjson); `up` begins with this one
  config kafka PORT  ... with Kafka on 127.0.0.1:PORT of the gateway's namespace
  exec POD CMD...    run CMD in a pod (pods.txt), with the lab's resolver
  gateway CMD...     run CMD in the gateway's namespace (ports gw-in and gw-out, and a loopback of its own)
  internet CMD...    run CMD in the servers' namespace
  status             what is up
  down               end everything in the namespaces, remove them and DIR; also after a crash
Several labs stand side by side under different names (-n, default "lab"; at most 12 letters, digits).
DIR is /tmp/sallyport-lab-NAME unless -d says otherwise.
TEXT
}

die() {
    echo "lab.sh: $*" >&2
    exit 1
}

rows() { grep -v -e '^#' -e '^[[:space:]]*$' "$1"; }

nodes() { rows "$PODS" | awk '{print $5}' | sort -u; }

namespaces() {
    echo "$NS-net"
    echo "$NS-lan"
    echo "$NS-gw"
    nodes | sed "s/^/$NS-/"
    rows "$PODS" | awk -v ns="$NS" '{print ns "-" $1}'
}

exists() { [[ -e /run/netns/$1 ]]; }

inside() {
    local ns=$1
    shift
    exists "$ns" || die "no namespace $ns: is the lab up?"
    nsenter "--net=/run/netns/$ns" "$@"
}

# A veth with its offloads off at both ends: the gateway must see finished checksums and real packet sizes.
link() {
    local ns=$1 end=$2 peer_ns=$3 peer_end=$4
    ip -n "$ns" link add name "$end" type veth peer name "$peer_end" netns "$peer_ns"
    inside "$ns" ethtool -K "$end" tx off gso off tso off gro off >/dev/null
    inside "$peer_ns" ethtool -K "$peer_end" tx off gso off tso off gro off >/dev/null
    ip -n "$ns" link set "$end" up
    ip -n "$peer_ns" link set "$peer_end" up
}

make_namespaces() {
    local ns
    for ns in $(namespaces); do
        ip netns add "$ns"
        # IPv6 comes to the lab with the gateway's IPv6 pools; until then its chatter would only be noise.
        inside "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
        ip -n "$ns" link set lo up
    done
}

# lan: the switch between the nodes and the gateway's inside port.
make_fabric() {
    ip -n "$NS-lan" link add name br0 type bridge
    ip -n "$NS-lan" link set br0 up
    link "$NS-gw" gw-in "$NS-lan" p-gw
    ip -n "$NS-lan" link set p-gw master br0
    link "$NS-gw" gw-out "$NS-net" eth0
    # Locally routed prefixes: every address in them is a server's.
    ip -n "$NS-net" address add 192.0.2.1/24 dev eth0
    ip -n "$NS-net" address add "$RESOLVER/32" dev lo
    ip -n "$NS-net" route add local 198.51.100.0/24 dev lo
    ip -n "$NS-net" route add local 203.0.113.0/24 dev lo
}

# A node routes its pod network to the gateway without translating, and to the other nodes directly.
make_node() {
    local node=$1 index=${1##*-} other
    link "$NS-$node" eth0 "$NS-lan" "p-$node"
    ip -n "$NS-lan" link set "p-$node" master br0
    inside "$NS-$node" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
        net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.all.send_redirects=0 \
        net.ipv4.conf.default.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0
    ip -n "$NS-$node" address add "10.1.0.1$index/24" dev eth0
    ip -n "$NS-$node" link add name cni0 type bridge
    ip -n "$NS-$node" address add "10.42.$index.1/24" dev cni0
    ip -n "$NS-$node" link set cni0 up
    ip -n "$NS-$node" route add default via 10.1.0.1
    for other in $(nodes); do
        [[ $other == "$node" ]] || ip -n "$NS-$node" route add "10.42.${other##*-}.0/24" via "10.1.0.1${other##*-}"
    done
}

make_pod() {
    local handle=$1 node=$2 address=$3
    link "$NS-$handle" eth0 "$NS-$node" "p-$handle"
    ip -n "$NS-$node" link set "p-$handle" master cni0
    ip -n "$NS-$handle" address add "$address/24" dev eth0
    ip -n "$NS-$handle" route add default via "10.42.${node##*-}.1"
}

make_certificates() {
    local tls="$STATE/tls" name _
    mkdir "$tls"
    {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
            -subj "/CN=Sallyport lab, throwaway" -keyout "$tls/ca.key" -out "$STATE/ca.pem"
        openssl ecparam -name prime256v1 -genkey -noout -out "$tls/server.key"
        while read -r name _; do
            openssl req -new -key "$tls/server.key" -subj "/CN=$name" -out "$tls/$name.csr"
            openssl x509 -req -in "$tls/$name.csr" -CA "$STATE/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial \
                -days 30 -extfile <(echo "subjectAltName=DNS:$name") -out "$tls/$name.pem"
        done < <(rows "$NAMES")
    } >"$tls/openssl.log" 2>&1 || { tail -n 5 "$tls/openssl.log" >&2; die "openssl failed; log: $tls/openssl.log"; }
}

# Each line of nginx/access.log is what the server saw of one request.
write_nginx() {
    local dir="$STATE/nginx" name _
    mkdir -p "$dir/www" "$dir/tmp"
    head -c 1048576 /dev/urandom >"$dir/www/1MiB"
    {
        cat <<CONF
user root;
worker_processes 1;
pid $dir/nginx.pid;
events { worker_connections 4096; }
http {
    log_format seen escape=json '{"time":\$msec,"client":"\$remote_addr","port":\$remote_port,'
        '"server":"\$server_addr","server_port":\$server_port,"host":"\$host","uri":"\$request_uri",'
        '"status":\$status,"bytes":\$bytes_sent,"body":\$body_bytes_sent,"received":\$request_length,'
        '"tls":"\$ssl_protocol"}';
    access_log $dir/access.log seen;
    client_body_temp_path $dir/tmp/body; proxy_temp_path $dir/tmp/proxy; fastcgi_temp_path $dir/tmp/fastcgi;
    uwsgi_temp_path $dir/tmp/uwsgi; scgi_temp_path $dir/tmp/scgi;
    keepalive_timeout 0;
    default_type text/plain;
    server_tokens off;
    ssl_protocols TLSv1.2 TLSv1.3;
CONF
        while read -r name _; do
            cat <<CONF
    server {
        listen 80; listen 443 ssl;
        server_name $name;
        ssl_certificate $STATE/tls/$name.pem;
        ssl_certificate_key $STATE/tls/server.key;
        location = / { return 200 "\$host here; you come from \$remote_addr\n"; }
        location / { root $dir/www; }
    }
CONF
        done < <(rows "$NAMES")
        echo "}"
    } >"$dir/nginx.conf"
}

start_servers() {
    local name address
    write_nginx
    inside "$NS-net" nginx -p "$STATE/nginx" -c "$STATE/nginx/nginx.conf" -e "$STATE/nginx/error.log"
    {
        printf 'no-resolv\nno-hosts\nbind-interfaces\nlisten-address=%s\nlocal=/example/\n' "$RESOLVER"
        printf 'pid-file=%s\nlog-facility=%s\nlog-queries\nuser=root\n' "$STATE/dnsmasq.pid" "$STATE/dnsmasq.log"
        while read -r name address; do echo "host-record=$name,$address,60"; done < <(rows "$NAMES")
    } >"$STATE/dnsmasq.conf"
    inside "$NS-net" dnsmasq -C "$STATE/dnsmasq.conf"
    inside "$NS-net" setsid "$HERE/echo_server.py" "$ECHO_PORT" >"$STATE/echo.log" 2>&1 </dev/null &
}

# Asked inside the servers' own namespace, so a lab without a gateway comes up too.
wait_for_servers() {
    local deadline=$((SECONDS + READY_SECONDS_MAX)) name
    name=$(rows "$NAMES" | awk 'NR == 1 {print $1}')
    until inside "$NS-net" dig +short +time=1 +tries=1 "@$RESOLVER" "$name" | grep -q . &&
        inside "$NS-net" curl -s -m 1 -o "$STATE/nginx/tmp/probe" -H "Host: $name" http://192.0.2.1/ &&
        inside "$NS-net" bash -c ": </dev/tcp/192.0.2.1/$ECHO_PORT" 2>/dev/null; do
        ((SECONDS < deadline)) || die "the lab's servers did not answer in $READY_SECONDS_MAX s; logs in $STATE"
        sleep 0.1
    done
    : >"$STATE/nginx/access.log"
}

write_files() {
    "$HERE/objects.py" "$PODS" >"$STATE/pods.json"
    cp -r "$HERE/feeds" "$HERE/policy" "$STATE/"
    mkdir "$STATE/state" "$STATE/spool"
    echo "nameserver $RESOLVER" >"$STATE/resolv.conf"
    echo "127.0.0.1 localhost" >"$STATE/hosts"
    echo "hosts: files dns" >"$STATE/nsswitch.conf"
    config file
}

config() {
    local sinks
    case "$1" in
        file) sinks='    - file: {path: events.ndjson, encoding: ecs}' ;;
        kafka) sinks="    - kafka: {brokers: [\"127.0.0.1:$2\"], topics: {prefix: egress}, encoding: ecs}" ;;
        *) die "config: \"$1\" is neither file nor kafka" ;;
    esac
    awk -v sinks="$sinks" '$0 == "@SINKS@" {print sinks; next} {print}' "$HERE/sallyport.yaml.in" \
        >"$STATE/sallyport.yaml"
}

up() {
    local handle node address _ tool
    [[ $(id -u) -eq 0 ]] || die "network namespaces need root"
    for tool in ip nsenter ethtool nginx dnsmasq openssl dig curl python3; do
        command -v "$tool" >/dev/null || die "$tool not found; install the lab section of deploy/packages.txt"
    done
    ! exists "$NS-net" || die "lab \"$LAB\" is up already; take it down first or choose another name (-n)"
    [[ ! -e $STATE || -e $STATE/.sallyport-lab ]] || die "$STATE exists and is not a lab's"
    rm -rf "$STATE"
    mkdir -p "$STATE"
    : >"$STATE/.sallyport-lab"
    trap '[[ $? -eq 0 ]] || down' EXIT  # half a lab is worse than none
    make_namespaces
    make_fabric
    for node in $(nodes); do make_node "$node"; done
    while read -r handle _ _ _ node address; do make_pod "$handle" "$node" "$address"; done < <(rows "$PODS")
    write_files
    make_certificates
    start_servers
    wait_for_servers
}

down() {
    local ns pids round
    for ns in $(namespaces); do
        exists "$ns" || continue
        for round in TERM TERM KILL; do
            pids=$(ip netns pids "$ns" 2>/dev/null || true)
            [[ -n $pids ]] || break
            # shellcheck disable=SC2086  # a list of process ids
            kill "-$round" $pids 2>/dev/null || true
            for _ in 1 2 3 4 5 6 7 8 9 10; do
                [[ -n $(ip netns pids "$ns" 2>/dev/null) ]] || break
                sleep 0.1
            done
        done
        ip netns del "$ns"
    done
    [[ ! -e $STATE/.sallyport-lab ]] || rm -rf "$STATE"
}

status() {
    local ns up=0
    for ns in $(namespaces); do
        exists "$ns" || { echo "$ns: absent"; continue; }
        up=1
        echo "$ns: $(ip netns pids "$ns" | xargs -r ps -o comm= -p | sort | uniq -c | awk '{printf "%s%s", s, $2; s=", "}')"
    done
    ((up)) && echo "files: $STATE"
}

# The lab's resolver for one command: bind mounts in a mount namespace of its own, nothing under /etc changes.
exec_in_pod() {
    local handle=$1
    shift
    exists "$NS-$handle" || die "no pod \"$handle\"; known: $(rows "$PODS" | awk '{printf "%s ", $1}')"
    export SALLYPORT_LAB_FILES="$STATE"
    # shellcheck disable=SC2016  # expanded by the inner shell
    exec nsenter "--net=/run/netns/$NS-$handle" unshare --mount bash -c '
        for file in resolv.conf hosts nsswitch.conf; do
            mount --bind "$SALLYPORT_LAB_FILES/$file" "$(readlink -f "/etc/$file")"
        done
        exec "$@"' bash "$@"
}

while getopts "n:d:h" option; do
    case "$option" in
        n) LAB=$OPTARG ;;
        d) STATE=$OPTARG ;;
        h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[[ $LAB =~ ^[a-z0-9]{1,12}$ ]] || die "lab name \"$LAB\" is not 1 to 12 lower-case letters and digits"
: "${STATE:=/tmp/sallyport-lab-$LAB}"
NS="sp-$LAB"

case "${1:-} $#" in
    "up 1") up ;;
    "down 1") down ;;
    "status 1") status ;;
    "config 2" | "config 3") shift; config "$@" ;;
    "exec "*) (($# >= 3)) || { usage >&2; exit 2; }; shift; exec_in_pod "$@" ;;
    "gateway "* | "internet "*)
        (($# >= 2)) || { usage >&2; exit 2; }
        [[ $1 == gateway ]] && ns=gw || ns=net
        shift
        exists "$NS-$ns" || die "no namespace $NS-$ns: is the lab up?"
        exec nsenter "--net=/run/netns/$NS-$ns" "$@"
        ;;
    "help 1" | "--help 1") usage ;;
    *) usage >&2; exit 2 ;;
esac
