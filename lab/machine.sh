#!/bin/sh
# machine.sh run|clean: one machine of the lab, from power on to power off, or what one has left behind.
# While it runs: TERM shuts the machine down in order, HUP reboots it. Pulling its plug is to kill its control group.
# Takes from the environment: PREFIX NAME DIR ROOTFS ROUTER GATEWAY ADDRESS PUBLIC_MAC PRIVATE_GATEWAY PRIVATE_IP PRIVATE_MTU PRIVATE_MAC LAB LINK
set -u

namespace=$PREFIX-$NAME
public=pub-$NAME
private=priv-$NAME

# Whether the network is still the one of this checkout's lab: another one may have taken the computer over.
mine() {
  [ "$(cat "/sys/class/net/$LINK/ifalias" 2>/dev/null)" = "$LAB" ]
}

hierarchies() { # one directory for version 2 of cgroups, one per controller for version 1
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo /sys/fs/cgroup; return; fi
  find /sys/fs/cgroup -maxdepth 1 -mindepth 1 -type d
}

# A machine that boots has no addresses, routes or firewall rules left, so each boot gets new cables.
plug_in() {
  unplug
  ip netns add "$namespace" || return
  ip -n "$ROUTER" -batch - <<IP
link add $public mtu 1500 type veth peer name eth0 mtu 1500 address $PUBLIC_MAC netns $namespace
link add $private mtu $PRIVATE_MTU type veth peer name enp7s0 mtu $PRIVATE_MTU address $PRIVATE_MAC netns $namespace
address add $GATEWAY/32 dev $public
address add $PRIVATE_GATEWAY/32 dev $private
link set $public up
link set $private up
route add $ADDRESS/32 dev $public
route add $PRIVATE_IP/32 dev $private
IP
}

unplug() {
  for link in "$public" "$private"; do
    ip -n "$ROUTER" link delete "$link" 2>/dev/null
  done
  ip netns delete "$namespace" 2>/dev/null
}

# Its own control groups: otherwise all machines, and this computer, would share one tree of them.
join_cgroups() {
  for hierarchy in $(hierarchies); do
    [ -e "$hierarchy/cgroup.procs" ] || continue
    group=$hierarchy/$PREFIX/$NAME
    mkdir -p "$hierarchy/$PREFIX"
    # A cpuset without CPUs takes no process (cgroups(7), version 1).
    for level in "$hierarchy/$PREFIX" "$group"; do
      mkdir -p "$level"
      [ -e "$level/cpuset.cpus" ] || continue
      cat "${level%/*}/cpuset.cpus" >"$level/cpuset.cpus"
      cat "${level%/*}/cpuset.mems" >"$level/cpuset.mems"
      echo 1 >"$level/cgroup.clone_children"
    done
    echo $$ >"$group/cgroup.procs" || return
  done
}

# The disk: what the machine wrote, over the root filesystem that all share; a copy where overlays do not work.
mount_root() {
  if [ ! -d "$DIR/copy" ]; then
    mount -t overlay "$NAME" -o "lowerdir=$ROOTFS,upperdir=$DIR/upper,workdir=$DIR/work" "$DIR/root" && return
    cp -a "$ROOTFS" "$DIR/copy.part" && cp -a "$DIR/upper/." "$DIR/copy.part/" && mv "$DIR/copy.part" "$DIR/copy" || return
  fi
  mount --bind "$DIR/copy" "$DIR/root"
}

boot() {
  join_cgroups || exit 1
  mount_root || exit 1
  if [ -d "/lib/modules/$(uname -r)" ]; then set -- --bind-ro=/lib/modules; else set --; fi
  # /var/lib/docker is a plain directory because Docker's overlay2 does not work on an overlay.
  # SYSTEMD_NSPAWN_LOCK: a machine without power leaves its lock files behind, and the supervisor is lock enough.
  export SYSTEMD_NSPAWN_LOCK=0
  exec systemd-nspawn --quiet --boot --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off \
    --machine="$PREFIX-$NAME" --hostname="$NAME" --directory="$DIR/root" --network-namespace-path="/run/netns/$namespace" \
    --bind="$DIR/docker:/var/lib/docker" "$@" \
    --capability=all --system-call-filter='add_key keyctl bpf perf_event_open'
}

pull_plug() {
  for tries in 1 2 3 4 5 6 7 8 9 10; do
    members=$(find $(hierarchies | sed "s|\$|/$PREFIX/$NAME|") -name cgroup.procs -exec cat {} + 2>/dev/null)
    [ -n "$members" ] || return 0
    kill -KILL $members 2>/dev/null
    sleep 0.05
  done
}

clean() {
  pull_plug
  unplug
  rmdir "/run/systemd/nspawn/propagate/$PREFIX-$NAME" 2>/dev/null
  for hierarchy in $(hierarchies); do
    find "$hierarchy/$PREFIX/$NAME" -depth -type d -exec rmdir {} + 2>/dev/null
    rmdir "$hierarchy/$PREFIX" 2>/dev/null
  done
}

run() {
  trap 'mine && clean' EXIT
  trap 'kill -TERM "$nspawn"' TERM
  # 39 is SIGRTMIN+5, which makes systemd reboot (systemd(1), Signals); dash's kill does not know its name.
  trap 'kill -39 $(cat "/proc/$nspawn/task/$nspawn/children")' HUP
  code=133
  while [ "$code" = 133 ]; do # how nspawn ends when the machine rebooted
    mine && plug_in || exit 1
    echo x >>"$DIR/boots"
    # In a mount namespace of its own, so that its mounts end with it, whatever ends it.
    unshare --mount sh "$0" boot </dev/null >>"$DIR/console.log" 2>&1 &
    nspawn=$!
    code=255
    # A trap ends the wait early.
    while kill -0 "$nspawn" 2>/dev/null; do
      wait "$nspawn"
      code=$?
    done
  done
}

"$1"
