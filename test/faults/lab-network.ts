import { setTimeout as sleep } from 'node:timers/promises'
import { ROUTER } from '../../lab/config.ts'
import { nodeNamed } from '../../lab/index.ts'
import { run } from '../../lab/shell.ts'
import { NODES } from '../lab/machines.ts'

// Its end in the router's namespace, see lab/machine.sh.
const link = (name: string): string => `pub-${name}`
const ip = (...args: readonly string[]): Promise<string> => run(['ip', '-n', ROUTER, ...args])
const nft = (rules: string): Promise<string> => run(['ip', 'netns', 'exec', ROUTER, 'nft', '-f', '-'], rules)
const tc = (...args: readonly string[]): Promise<string> => run(['tc', '-n', ROUTER, 'qdisc', ...args])

/** Pulls a machine's cable for some seconds; not the one to its private network. */
export const cut = async (name: string, seconds: number): Promise<void> => {
  await ip('link', 'set', link(name), 'down')
  try {
    await sleep(seconds * 1000)
  } finally {
    await ip('link', 'set', link(name), 'up')
    // a link that goes down takes its routes with it
    await ip('route', 'replace', `${nodeNamed(name).address}/32`, 'dev', link(name))
  }
}

/** Lets nothing through to a machine for some seconds, without its noticing. */
export const swallow = async (name: string, seconds: number): Promise<void> => {
  const { address } = nodeNamed(name)
  await nft(`
table inet faults-${name} {
  chain forward {
    type filter hook forward priority -10;
    ip saddr ${address} drop
    ip daddr ${address} drop
  }
}`)
  try {
    await sleep(seconds * 1000)
  } finally {
    await nft(`delete table inet faults-${name}`)
  }
}

/** Does something while each machine gets no more than this rate, such as `40mbit`; undefined: as it is. */
export const shaped = async <T>(rate: string | undefined, work: () => Promise<T>): Promise<T> => {
  if (rate === undefined) return work()
  await Promise.all(
    NODES.map((name) => tc('add', 'dev', link(name), 'root', 'tbf', 'rate', rate, 'burst', '64kb', 'latency', '400ms')),
  )
  try {
    return await work()
  } finally {
    await Promise.all(NODES.map((name) => tc('del', 'dev', link(name), 'root')))
  }
}
