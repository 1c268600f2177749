import { open } from 'node:fs/promises'
import type { Host } from '../declare/host.ts'
import { ConnectError } from '../errors.ts'

/** The first line of the host's `sudoPasswordFile`; undefined where none is set. @throws ConnectError */
export const sudoPasswordOf = async ({ name, ssh }: Host): Promise<string | undefined> => {
  const path = ssh.sudoPasswordFile
  if (path === undefined) return undefined
  const refused = (message: string, hint: string) =>
    new ConnectError(`sudoPasswordFile ${path}: ${message}`, { host: name, hint })
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw refused(error.code === 'ENOENT' ? 'no such file' : error.message, 'make it, with mode 0600')
  })
  try {
    const { mode } = await file.stat()
    if ((mode & 0o077) !== 0) throw refused('others may read it', `chmod 600 ${path}`)
    const text = await file.readFile('utf8').catch((error: Error) => {
      throw refused(error.message, 'make it a file with mode 0600')
    })
    const [line = ''] = text.split(/\r?\n/)
    if (line === '') throw refused('its first line is empty', 'write the password of sudo into it')
    return line
  } finally {
    await file.close()
  }
}
