#!/bin/sh
# Turns a fresh Debian ($1) into what Hetzner hands out, less what belongs to one machine (keys, names).
set -eu
root=$1
files=$(dirname "$0")/files

cp -R "$files/." "$root/"
chown -R 0:0 "$root/etc/netplan" "$root/etc/systemd/system" "$root/usr/local/lib"
chmod 0600 "$root"/etc/netplan/*.yaml

# sysctls outside of net.* belong to the computer that runs the lab: the image must not set them at boot.
for conf in "$root"/usr/lib/sysctl.d/*.conf; do
  grep -E '^-?net\.' "$conf" >"$root/etc/sysctl.d/${conf##*/}" || true
done

chroot "$root" sh -eu <<'IN'
systemctl enable -q lab-hardware systemd-networkd systemd-resolved ssh
# Background apt runs would make the tests wait for its lock at random times.
systemctl mask -q apt-daily.timer apt-daily-upgrade.timer console-getty.service
useradd -m -s /bin/bash -G sudo deploy
echo LANG=C.UTF-8 >/etc/default/locale
echo deploy:caravan-lab | chpasswd
useradd -m -s /bin/bash ops
echo 'ops ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops
chmod 0440 /etc/sudoers.d/ops
mkdir -p /var/lib/docker
chmod 0710 /var/lib/docker
rm -f /etc/ssh/ssh_host_* /etc/hostname
: >/etc/machine-id
IN
