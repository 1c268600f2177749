import { file, type Resource } from '../../core/index.ts'

/** A program that the unit starts before a client. */
export const AFTER_BOOT = '/usr/local/lib/caravan/nomad-after-boot'

/**
 * What Nomad does wrong after a boot, and this keeps from it, once for each boot:
 *
 * - It reattaches to its plugins by the numbers that their processes had, and kills whoever has such a number now: an own
 *   container, or itself. So new numbers are moved far away from those that a boot gives out, and the next boot has none
 *   of them. Source: hashicorp/go-plugin, reattach, before 1.7.0, which came with Nomad 1.10
 * - Docker starts the containers that hold the network of an allocation, but only Nomad can give them one, and it does not
 *   look: the allocation then runs and cannot be reached. Without these containers, and the addresses that are still booked
 *   for them, it makes both anew. From 1.9.5 on it looks. Source: hashicorp/nomad, drivers/docker/network.go, CreateNetwork;
 *   client/allocrunner/network_hook.go, Prerun; containernetworking/plugins, plugins/ipam/host-local/backend/disk
 */
export const afterBoot = (): Resource => file(AFTER_BOOT, { content: SCRIPT, mode: '0755' })

const SCRIPT = `#!/bin/sh
# Written by Caravan. Before the first start of Nomad after a boot: see docs/roles/nomad.md, "After a reboot".
set -eu
done=/run/caravan-nomad-after-boot
[ ! -e $done ] || exit 0

max=$(cat /proc/sys/kernel/pid_max)
random=$(od -An -N4 -tu4 /dev/urandom)
echo $((max / 4 + random % (max / 2))) >/proc/sys/kernel/ns_last_pid || echo 'process numbers could not be moved on'

kept=
holders=$(timeout 60 docker ps -aq --no-trunc --filter name=nomad_init_)
running=$(timeout 60 docker ps -q)
for id in $holders; do
  set -- $(timeout 20 docker inspect -f '{{.Name}} {{.State.Running}} {{.NetworkSettings.SandboxKey}}' "$id")
  if [ "$2" = true ] && nsenter --net="$3" ip link show eth0 >/dev/null 2>&1; then
    kept="$kept \${1#/nomad_init_} "
    continue
  fi
  # a task that still runs in it is out of reach, and Nomad starts it again
  for task in $running; do
    [ "$(timeout 20 docker inspect -f '{{.HostConfig.NetworkMode}}' "$task")" != "container:$id" ] ||
      timeout 90 docker stop -t 30 "$task" >/dev/null
  done
  timeout 60 docker rm -f "$id" >/dev/null
  echo "removed the container \${1#/}, which has lost its network"
done
for lease in /var/lib/cni/networks/nomad/*.*.*.*; do
  [ -f "$lease" ] || continue
  owner=$(head -n 1 "$lease" | tr -d '\\r')
  case $kept in *" $owner "*) ;; *) rm -f -- "$lease" ;; esac
done
: >$done
`
