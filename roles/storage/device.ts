/** MiB at the beginning of a device that must be zeros before it may be formatted: more than any file system's first marks. */
const BLANK = 16

/**
 * Formats a device that holds nothing: no signature that blkid(8) knows, and zeros where one would be. Whatever else it
 * holds is left alone, and is then an error of the mount.
 */
export const blankOnly = (device: string, fsType: string) => {
  const known = `[ -n "$(timeout 10 blkid -p -o value -s TYPE -- ${device}; timeout 10 blkid -p -o value -s PTTYPE -- ${device})" ]`
  const zeros = `timeout 60 cmp -s -n ${BLANK * 1024 * 1024} ${device} /dev/zero`
  return {
    unless: `[ -b ${device} ] && { ${known} || ! ${zeros}; }`,
    run: `
[ -b ${device} ] || { echo 'there is no ${device}: attach the volume to this host'; exit 1; }
if ${known} || ! ${zeros}; then echo '${device} holds something, and is not formatted'; exit 1; fi
mkfs.${fsType} -q ${device} </dev/null`,
  }
}

/**
 * Makes the bare directory immutable, so that not even root writes to it while nothing is mounted there.
 * Source: chattr(1), attribute i
 */
export const bareIsSealed = (place: string) => ({
  unless: `mountpoint -q -- '${place}' || lsattr -d -- '${place}' | cut -d ' ' -f 1 | grep -q i`,
  run: `
[ -d '${place}' ] || mkdir -p -m 0755 -- '${place}'
[ -z "$(ls -A -- '${place}')" ] || { echo '${place} has data of the root disk in it: move that away'; exit 1; }
chattr +i -- '${place}'`,
})
