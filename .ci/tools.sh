# shellcheck shell=bash
# For the scripts beside this one: what a bare machine lacks.

# The exit code of a check that could not be made here.
# shellcheck disable=SC2034 # for the others
readonly SKIPPED=77

# have TOOL PACKAGE...: whether TOOL is there. Where we are root and apt works, its packages are installed for it.
have() {
  local tool=$1
  shift
  command -v "$tool" >/dev/null && return 0
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  echo "installing $*" >&2
  [ -n "${apt_is_fresh:-}" ] || timeout 60 apt-get -qq update >&2 || return 1
  apt_is_fresh=yes
  DEBIAN_FRONTEND=noninteractive timeout 180 apt-get -qq -o DPkg::Lock::Timeout=60 install -y --no-install-recommends \
    "$@" >/dev/null 2>&1 || return 1
  command -v "$tool" >/dev/null
}

# Containers of today want one tree of cgroups. A machine that still has several shows it to us alone.
with_one_cgroup_tree() {
  [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ] || return 0
  exec unshare --mount bash -c \
    'umount --recursive /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' - "$@"
}
