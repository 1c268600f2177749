import { callSite } from '../../declare/resource.ts'
import { DeclarationError } from '../../errors.ts'

/** The error of a resource that makes no sense, with the line that declared it. `resource` is `type id`. */
export const wrong = (resource: string, message: string, hint?: string): DeclarationError =>
  new DeclarationError(message, { resource, at: callSite(), hint })

/**
 * A path that can be an identity: absolute, and written in the one way that it can be written.
 * @throws DeclarationError
 */
export const checkPath = (type: string, path: string): string => {
  const resource = `${type} ${path}`
  if (path.includes('\0')) throw wrong(resource, 'a path cannot hold a NUL byte')
  if (!path.isWellFormed()) throw wrong(resource, 'the path is not valid Unicode')
  if (!path.startsWith('/'))
    throw wrong(resource, 'the path is relative', `write it from the root, such as /etc/${path}`)
  const parts = path.slice(1).split('/')
  if (path !== '/' && parts.some((part) => part === '' || part === '.' || part === '..'))
    throw wrong(resource, 'the path has an empty part, "." or ".."', 'write it in its shortest form')
  if (parts.some((part) => Buffer.byteLength(part) > 255)) throw wrong(resource, 'a part of the path is over 255 bytes')
  return path
}

/** As `checkPath`, for what is written beside its place first: the temporary name must fit into 255 bytes too. */
export const checkFilePath = (type: string, path: string): string => {
  checkPath(type, path)
  if (path === '/') throw wrong(`${type} ${path}`, 'this is a directory')
  if (Buffer.byteLength(temporaryOf(path).slice(parentOf(path).length + 1)) > 255)
    throw wrong(`${type} ${path}`, 'the name is over 246 bytes, which leaves no room for a temporary name')
  return path
}

/** Four octal digits. @throws DeclarationError when it is not three or four of them. */
export const checkMode = (resource: string, mode: string): string => {
  if (!/^[0-7]{3,4}$/.test(mode))
    throw wrong(resource, `mode ${JSON.stringify(mode)} is not octal`, "write it as '0644'")
  return mode.padStart(4, '0')
}

/**
 * The name of a user or group, or its number.
 * Source: useradd(8), "only lower and upper case letters, digits, underscores, dots or dashes".
 * @throws DeclarationError
 */
export const checkAccount = (resource: string, what: string, name: string): string => {
  if (!/^(\d{1,10}|[A-Za-z_][A-Za-z0-9_.-]{0,31})$/.test(name))
    throw wrong(resource, `${what} ${JSON.stringify(name)} is not a name of a user or group`)
  return name
}

/** Text that a shell can carry. @throws DeclarationError for a NUL byte, and for half a character. */
export const checkText = (resource: string, what: string, text: string): string => {
  if (text.includes('\0')) throw wrong(resource, `${what} cannot hold a NUL byte`)
  if (!text.isWellFormed()) throw wrong(resource, `${what} is not valid Unicode`)
  return text
}

/** The directory that holds this path. */
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'

/** The last part of a path. */
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** Where the next content of a file is written; fixed, so that the next run overwrites what a cut one left. */
export const temporaryOf = (path: string): string => `${path.slice(0, path.lastIndexOf('/'))}/.${nameOf(path)}.caravan`
