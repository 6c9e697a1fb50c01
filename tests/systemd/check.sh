#!/usr/bin/env bash
# Runs inside a freshly booted machine (.ci/boot): qtisync is installed and lives through what a service lives through.
set -euo pipefail

unit=qtisync@staging
deadline=60

step() { printf '%-68s' "$1"; }
ok() { echo "ok${1:+  ($1)}"; }
fail() {
  echo "FAILED: $1"
  systemctl status --no-pager --full "$unit" || true
  journalctl --no-pager --unit "$unit" --lines 30 || true
  exit 1
}
# until_true WHAT COMMAND...: the condition, within the deadline
until_true() {
  local what=$1 left=$((deadline * 10))
  shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ $left -gt 0 ] || fail "not within ${deadline}s: $what"
    sleep 0.1
  done
}
property() { systemctl show --property "$1" --value "$unit"; }
in_journal() { journalctl --unit "$unit" --output cat | grep -F -- "$1" >/dev/null; }
running() { [ "$(property ActiveState)/$(property SubState)" = active/running ]; }
# at_api IDENTIFIER WORDS: whether the API has this item with these words in it
at_api() {
  python3 - "$@" <<'PYTHON'
import json, sys, urllib.request
shown = json.load(urllib.request.urlopen("http://127.0.0.1:8765/_sandbox/items", timeout=5))
sys.exit(not any(row["identifier"] == sys.argv[1] and sys.argv[2] in row["xml"] for row in shown["items"]))
PYTHON
}
# push WORDS: an author changes an item and pushes
push() {
  sed -i "s/ title=\"[^\"]*\"/ title=\"$1\"/" /srv/author/items/algebra/alg-0101.xml
  git -C /srv/author commit --quiet --all --message "$1"
  git -C /srv/author push --quiet origin main
}

step "The wheel is installed, with its unit, user and folders"
python3 -m venv /opt/qtisync
/opt/qtisync/bin/pip install --quiet --no-index --find-links /mnt/wheels qtisync
shared=/opt/qtisync/share/qtisync
install -m 644 "$shared/systemd/qtisync@.service" /etc/systemd/system/
install -D -m 644 "$shared/systemd/qtisync.sysusers" /etc/sysusers.d/qtisync.conf
install -D -m 644 "$shared/systemd/qtisync.tmpfiles" /etc/tmpfiles.d/qtisync.conf
systemd-sysusers 2>/dev/null
systemd-tmpfiles --create
systemctl daemon-reload
systemd-analyze verify --man=no /etc/systemd/system/qtisync@.service || fail "verify"
ok "$(stat -c '%A %U:%G' /etc/qtisync), $(getent passwd qtisync)"

step "An API and a repository stand there"
systemd-run --quiet --unit sandbox /opt/qtisync/bin/qtisync sandbox --port 8765
export GIT_AUTHOR_NAME=author GIT_AUTHOR_EMAIL=author@localhost GIT_COMMITTER_NAME=author
export GIT_COMMITTER_EMAIL=author@localhost
useradd --create-home git
git config --global safe.directory '*' # we push as root, and it belongs to git
git init --quiet --bare --initial-branch main --shared=group /srv/git/content.git
chown -R git:qtisync /srv/git/content.git
cp -r /mnt/content /srv/author
git -C /srv/author init --quiet --initial-branch main
git -C /srv/author remote add origin /srv/git/content.git
git -C /srv/author add --all
git -C /srv/author commit --quiet --message first
git -C /srv/author push --quiet origin main
cat >/etc/qtisync/config.yaml <<'YAML'
repository: {path: /srv/git/content.git, poll_every: 1h}
state: /var/lib/qtisync
targets:
  staging:
    base_url: http://127.0.0.1:8765/api
    token_url: http://127.0.0.1:8765/oauth2/token
    client_id: credential/client_id
    client_secret: credential/client_secret
    max_requests_per_second: 50
YAML
printf sandbox-client >/etc/credstore/qtisync.staging.client_id
printf sandbox-secret >/etc/credstore/qtisync.staging.client_secret
chmod 600 /etc/credstore/*
until_true "the sandbox answers" python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8765), 5).close()'
ok

step "It starts, is ready, and says how it stands"
systemctl start "$unit" || fail "start"
[ "$(property ActiveState)" = active ] || fail "it is $(property ActiveState)"
[ -n "$(property StatusText)" ] || fail "it has no status"
ok "$(property StatusText)"

step "The first commit is at the API, by credentials of systemd"
until_true "every item arrives" at_api bio-0003 "<qti-"
ok "$(find "/run/credentials/$unit.service" -type f -printf '%f %M\n' | sort | paste -sd,)"

step "A push is synced, with no poll to help"
push "after the start"
until_true "the push is at the API" at_api alg-0101 "after the start"
ok

step "Commands of its user reach it, and so does whoever asks for its health"
runuser --user qtisync -- /opt/qtisync/bin/qtisync status --config /etc/qtisync/config.yaml --target staging \
  >/root/status || fail "status"
grep -q "in sync" /root/status || fail "status says: $(cat /root/status)"
python3 -c '
import urllib.request
for path in ("healthz", "readyz"):
    assert urllib.request.urlopen(f"http://127.0.0.1:8766/{path}", timeout=5).status == 200' || fail "health"
ok

step "Reload reads the configuration, in the same process"
pid=$(property MainPID)
sed -i 's/max_requests_per_second: 50/max_requests_per_second: 40/' /etc/qtisync/config.yaml
systemctl reload "$unit" || fail "reload"
until_true "it is active again" running
[ "$(property MainPID)" = "$pid" ] || fail "it is another process"
push "after the reload"
until_true "a push after the reload is at the API" at_api alg-0101 "after the reload"
[ "$(property MainPID)" = "$pid" ] || fail "it is another process"
in_journal '"event": "daemon_reloaded"' || fail "the journal does not speak of a reload"
ok "still process $pid"

step "A configuration that cannot be used is refused, and the old one stays"
cp /etc/qtisync/config.yaml /root/good.yaml
echo 'nonsense: true' >>/etc/qtisync/config.yaml
systemctl reload "$unit" || fail "reload"
push "after a refused reload"
until_true "a push is at the API" at_api alg-0101 "after a refused reload"
[ "$(property MainPID)" = "$pid" ] || fail "it is another process"
running || fail "it is $(property ActiveState)"
in_journal '"event": "reload_refused"' || fail "the journal does not say that it was refused"
cp /root/good.yaml /etc/qtisync/config.yaml
systemctl reload "$unit" || fail "reload"
ok

step "A hang is noticed by the watchdog, and it is started anew"
mkdir -p "/run/systemd/system/$unit.service.d"
printf '[Service]\nWatchdogSec=4s\nRestartSec=1s\n' >"/run/systemd/system/$unit.service.d/quick.conf"
systemctl daemon-reload
systemctl restart "$unit"
pid=$(property MainPID)
kill -STOP "$pid"
another_process() { [ "$(property MainPID)" != "$pid" ] && running; }
until_true "another process is there" another_process
in_journal "Watchdog timeout" || fail "it was not the watchdog"
in_journal "qtisync/cli/run.py" || fail "the journal does not say where it hung"
push "after the hang"
until_true "a push is at the API" at_api alg-0101 "after the hang"
ok "process $pid, then $(property MainPID); $(property NRestarts) restart"
rm -r "/run/systemd/system/$unit.service.d"
systemctl daemon-reload

step "Log lines have the priority of their level"
journalctl --unit "$unit" --output json | python3 -c '
import json, sys
lines = [json.loads(line) for line in sys.stdin]
ours = [line for line in lines if str(line["MESSAGE"]).startswith("{")]
levels = {"debug": "7", "info": "6", "warning": "4", "error": "3"}
wrong = [line["MESSAGE"] for line in ours if line["PRIORITY"] != levels[json.loads(line["MESSAGE"])["level"]]]
sys.exit(not ours or wrong and str(wrong) or 0)' || fail "the journal"
ok

step "A repository elsewhere is fetched by ssh, with a deploy key from the credentials"
ssh-keygen -q -t ed25519 -N "" -f /etc/credstore/qtisync.deploy_key
install -d -o git -g git -m 700 ~git/.ssh
install -o git -g git -m 600 /etc/credstore/qtisync.deploy_key.pub ~git/.ssh/authorized_keys
{ printf '127.0.0.1 ' && cat /etc/ssh/ssh_host_ed25519_key.pub; } >/etc/qtisync/known_hosts
sed -i "s,^repository:.*,repository: {url: 'ssh://git@127.0.0.1/srv/git/content.git'\, poll_every: 2s\, \
ssh_key: credential/deploy_key\, known_hosts: /etc/qtisync/known_hosts}," /etc/qtisync/config.yaml
systemctl restart "$unit" || fail "restart"
push "by ssh"
until_true "the push is at the API" at_api alg-0101 "by ssh"
find /var/lib/qtisync -name packed-refs | grep . >/dev/null || fail "there is no mirror"
cp /root/good.yaml /etc/qtisync/config.yaml
systemctl restart "$unit" || fail "restart"
ok

step "It answers pushers of another user, who are in its group, and lets them steer nothing"
usermod --append --groups qtisync git
echo 'daemon: {push_group: qtisync}' >>/etc/qtisync/config.yaml
systemctl restart "$unit" || fail "restart"
runuser --user git -- /opt/qtisync/bin/qtisync hook install --config /etc/qtisync/config.yaml >/root/said || fail "hook"
sed -i 's/ title="[^"]*"/ title="with an answer"/' /srv/author/items/algebra/alg-0101.xml
git -C /srv/author commit --quiet --all --message "with an answer"
GIT_SSH_COMMAND="ssh -i /etc/credstore/qtisync.deploy_key -o UserKnownHostsFile=/etc/qtisync/known_hosts" \
  git -C /srv/author push ssh://git@127.0.0.1/srv/git/content.git main 2>/root/said || fail "push: $(cat /root/said)"
grep "remote: qtisync: 1 updated" /root/said >/dev/null || fail "the pusher was told: $(cat /root/said)"
if runuser --user git -- /opt/qtisync/bin/qtisync pause --config /etc/qtisync/config.yaml 2>/root/steered; then
  fail "a pusher paused it"
fi
grep "may ring and ask how a push went, and nothing else" /root/steered >/dev/null || fail "$(cat /root/steered)"
ok "$(sed -n 's/^remote: \(qtisync: [^ ]* [^ ]*\).*/\1/p' /root/said)"

step "It stops in good order, within its grace period"
began=$(date +%s)
systemctl stop "$unit" || fail "stop"
took=$(($(date +%s) - began))
[ "$(property Result)/$(property ExecMainStatus)" = success/0 ] || fail "$(property Result), $(property ExecMainStatus)"
[ $took -le 20 ] || fail "it took ${took}s"
ok "${took}s"

step "It is not started again and again over what only a person can mend"
echo 'nonsense: true' >>/etc/qtisync/config.yaml
if systemctl start "$unit" 2>/dev/null; then fail "it started"; fi
[ "$(property ExecMainStatus)/$(property NRestarts)" = 78/0 ] || fail "$(property ExecMainStatus), $(property NRestarts)"
[ "$(property ActiveState)" = failed ] || fail "it is $(property ActiveState)"
cp /root/good.yaml /etc/qtisync/config.yaml
systemctl reset-failed "$unit"
systemctl start "$unit" || fail "start"
ok "78, 0 restarts"

step "No unit failed, and little is open to it"
[ "$(systemctl is-system-running)" = running ] || fail "$(systemctl --failed --no-legend)"
exposure=$(systemd-analyze security --threshold=20 --no-pager "$unit.service" | tail -n 1) || fail "$exposure"
ok "${exposure#→ }"
systemctl stop "$unit"
