import { words } from '../../remote/shell.ts'

/** What one run of apt is to do. All names are safe words of `sh`. */
export type AptWork = Readonly<{
  /** `NAME` or `NAME=VERSION`. */
  install: readonly string[]
  remove: readonly string[]
  hold: readonly string[]
  unhold: readonly string[]
  /** A version was asked for: it may be older than the one that is there. */
  pinned: boolean
  /** Something is half there: files of what is installed are unpacked again. */
  broken: boolean
}>

/**
 * One transaction of apt for all of it. Waits up to 300 s for a lock that another holds; keeps configuration files that
 * were edited; refreshes the lists only when they are over a day old, older than the sources, or do not offer it.
 * Source: apt-get(8), apt.conf(5), dpkg(1), needrestart(1)
 */
export const aptFragment = ({ install, remove, hold, unhold, pinned, broken }: AptWork): string => `
${APT_FUNCTIONS}
installs='${install.join(' ')}'
removes=${remove.length === 0 ? '' : `$(installed ${words(remove)})`}
set -- ${pinned ? '--allow-downgrades' : ''} ${broken ? '--reinstall' : ''} install $installs
for name in $removes; do set -- "$@" "$name-"; done
if [ -n "$installs$removes" ]; then
  after_cloud_init
  mend_dpkg
  plan=$(simulate "$@") && fresh_enough || { refresh; plan=$(simulate "$@") || explain; }
  only_removes "$plan"
  held=${install.length === 0 ? '' : `$(apt-mark showhold ${words(install.map((one) => one.replace(/=.*/, '')))})`}
  [ -z "$held$removes" ] || apt-mark unhold $held $removes
  status=0
  apt "$@" || status=$?
  [ -z "$held" ] || apt-mark hold $held
  [ $status = 0 ] || exit $status
fi
${hold.length === 0 ? '' : `apt-mark hold ${words(hold)}`}
${unhold.length === 0 ? '' : `apt-mark unhold ${words(unhold)}`}`

// `explain` ends with the sentence that is shown as the reason; what apt said stands above it.
export const APT_FUNCTIONS = `
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l LC_ALL=C.UTF-8
# without Pattern-Only a name that apt does not know is a regular expression
apt() {
  apt-get -y -q -o APT::Cmd::Pattern-Only=true -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@"
}
# apt waits for the lock of dpkg, but neither for that of the lists nor when it is dpkg that is run
patient() {
  tries=0
  while :; do
    code=0
    said=$("$@" 2>&1) || code=$?
    case $code:$said in
      0:*) break ;;
      *'Could not get lock'* | *'Unable to lock'* | *'locked by another process'*) tries=$((tries + 1)) ;;
      *) break ;;
    esac
    [ $tries -lt 60 ] || break
    sleep 5
  done
  printf '%s\\n' "$said"
  return $code
}
installed() {
  for name do
    case $(dpkg-query -W -f='\${db:Status-Status}' "$name" 2>/dev/null) in
      '' | not-installed | config-files) ;;
      *) printf '%s ' "$name" ;;
    esac
  done
}
# on a first boot cloud-init itself runs apt
after_cloud_init() {
  [ -d /run/cloud-init ] && [ ! -e /run/cloud-init/result.json ] && command -v cloud-init >/dev/null || return 0
  timeout 300 cloud-init status --wait || :
}
mend_dpkg() {
  [ -n "$(dpkg --audit 2>&1)" ] || return 0
  patient dpkg --force-confold --configure -a || apt --no-remove --fix-broken install
}
fresh_enough() {
  [ -z "$installs" ] && return 0
  [ -z "$(find /var/lib/apt/lists -maxdepth 0 ! -mmin -1440)" ] || return 1
  [ -z "$(find /etc/apt/sources.list /etc/apt/sources.list.d -newer /var/lib/apt/lists 2>/dev/null)" ]
}
simulate() {
  apt -s --allow-change-held-packages "$@" 2>&1
}
refresh() {
  # by default apt calls it a success when a mirror does not answer
  if patient apt -o APT::Update::Error-Mode=any update; then touch /var/lib/apt/lists
  else echo 'the package lists could not be refreshed'; fi
}
explain() {
  printf '%s\\n' "$plan"
  for name in $installs; do
    apt-cache -o APT::Cmd::Pattern-Only=true show "\${name%%=*}" >/dev/null 2>&1 ||
      echo "apt knows no package \${name%%=*}: is the name right for this release, and its repository set up?"
  done
  exit 1
}
only_removes() {
  for name in $(printf '%s\\n' "$1" | sed -n 's/^Remv \\([^ ]*\\).*/\\1/p'); do
    case " $removes" in
      *" $name "*) ;;
      *)
        echo "apt would also remove $name, which nothing asks for: declare it absent, or install it by hand"
        exit 1
        ;;
    esac
  done
}`
