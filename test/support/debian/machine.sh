#!/bin/sh
# A Debian of its own: this machine's file system with a layer above it that is thrown away, a systemd of its own as
# process 1, and namespaces around both. Only the network is shared. Needs root. $1: an empty folder, $2: its cgroup.
set -e

if [ "$3" != inside ]; then
  # Nothing is installed below it meanwhile: test/dashboard/browser.ts takes the same lock.
  exec 9> /run/lock/veilmq-test-system
  flock 9
  mkdir "$2"
  echo $$ > "$2/cgroup.procs"
  exec unshare --mount --pid --fork --cgroup --kill-child --propagation private "$0" "$1" "$2" inside
fi

mount -t tmpfs tmpfs "$1"
root=$1/root
mkdir "$1/upper" "$1/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$root"
mount -t proc proc "$root/proc"
# The kernel is shared: nothing there may set it.
mount --bind -o ro "$root/proc/sys" "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/dev"
for name in null zero full random urandom tty; do
  touch "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts devpts "$root/dev/pts" -o newinstance,ptmxmode=0666
ln -s pts/ptmx "$root/dev/ptmx"

# As on a real machine: systemd puts a unit's credentials in place by a mount that has to be seen outside.
mount --make-rshared "$root"

# Nothing of this machine's own starts there.
rm -rf "$root"/etc/systemd/system/*
cat > "$root/etc/systemd/system/bare.target" <<END
[Unit]
DefaultDependencies=no
AllowIsolate=yes
Wants=systemd-journald.service systemd-journald.socket
END
exec 9>&-
exec chroot "$root" /usr/bin/env -i container=veilmq PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=bare.target --show-status=no
