import { CONTROLLER_LINK, PUBLIC } from './config.ts'
import { LabError } from './errors.ts'
import { run } from './shell.ts'

type Route = { readonly dst: string; readonly dev?: string }

/**
 * Only the public range is routed in this computer's own namespace; the others exist inside of the lab's alone.
 * @throws LabError when something else here already leads there.
 */
export async function checkClashes(): Promise<void> {
  const routes: Route[] = JSON.parse(await run(['ip', '-json', '-4', 'route', 'show', 'table', 'all']))
  const clash = routes.find((route) => route.dev !== CONTROLLER_LINK && overlaps(route.dst, PUBLIC.network))
  if (clash) {
    const where = `${clash.dst}${clash.dev ? ` dev ${clash.dev}` : ''}`
    throw new LabError(`lab: ${PUBLIC.network} is already routed here (${where})`, {
      hint: 'change PUBLIC in lab/config.ts',
    })
  }
}

/** Whether two IPv4 ranges share an address. A default route is everyone's and counts as no overlap. */
export function overlaps(a: string, b: string): boolean {
  if (!/^[0-9]/.test(a) || a === '0.0.0.0/0') return false
  const [left, right] = [range(a), range(b)]
  const size = Math.min(left.bits, right.bits)
  return size > 0 && left.address >>> (32 - size) === right.address >>> (32 - size)
}

function range(cidr: string): { address: number; bits: number } {
  const [address = '', bits = '32'] = cidr.split('/')
  const number = address.split('.').reduce((sum, part) => ((sum << 8) | Number(part)) >>> 0, 0)
  return { address: number, bits: Number(bits) }
}
