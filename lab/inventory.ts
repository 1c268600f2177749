/** The inventory that the lab hands to the playbooks. */
import { readFile, writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import { labPath, type Node, PRIVATE, PUBLIC, PUBLIC_NAME } from './config.ts'
import { hostKey, withoutComment } from './keys.ts'
import { labMirror } from './mirror/index.ts'

const SERVERS = 3

export function inventoryPath(): string {
  return labPath('inventory.yaml')
}

/** Writes the inventory, if it would change, so that whoever watches the file sees changes only. */
export async function writeInventory(nodes: readonly Node[]): Promise<void> {
  const text = await inventoryText(nodes)
  const old = await readFile(inventoryPath(), 'utf8').catch(() => undefined)
  if (old !== text) await writeFile(inventoryPath(), text)
}

async function inventoryText(nodes: readonly Node[]): Promise<string> {
  const names = nodes.map(({ name }) => name)
  const clients = names.slice(SERVERS)
  const { url, fingerprint, registry } = await labMirror()
  const inventory = {
    cluster: { name: 'lab', datacenter: 'dc1', network: PRIVATE.network },
    downloads: { mirror: url, keys: { hashicorp: fingerprint } },
    vars: {
      docker: { settings: { 'insecure-registries': [registry] } },
      coredns: { upstreams: [PUBLIC.dns], publicName: PUBLIC_NAME },
      resolved: { publicName: PUBLIC_NAME },
      // its program is not among what the mirror can build
      haproxy: { dataplaneapi: false },
      nomad: {
        infraImage: `${registry}/pause:3.9`,
        checkImage: `${registry}/busybox:lab`,
        publicName: PUBLIC_NAME,
        // each machine of the lab counts all of this computer
        reserved: { cpu: 100, memory: 256, disk: 256 },
      },
      // this computer's limits are below those that the job asks for
      crate: {
        ...{ image: `${registry}/crate-stand-in:1`, heap: '64m', memory: 128, cpu: 100 },
        ...{ ulimits: {}, minHealthyTime: 5, shutdownDelay: 5 },
      },
    },
    groups: { servers: names.slice(0, SERVERS), ...(clients.length > 0 && { clients }) },
    hosts: Object.fromEntries(await Promise.all(nodes.map(async (node) => [node.name, await host(node)]))),
  }
  return `# written by playbooks/lab.mjs; everything of --lab lives beside it\n${stringify(inventory, { lineWidth: 0 })}`
}

async function host(node: Node) {
  return {
    address: node.address,
    privateIp: node.privateIp,
    slot: node.slot,
    user: 'root',
    identityFile: labPath('id_ed25519'),
    hostKeys: [withoutComment((await hostKey(node)).public)],
  }
}
