import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { openReleases } from '../../core/artifacts/releases.ts'
import type { Pins } from '../../core/declare/means.ts'
import type { Product } from '../../core/declare/products.ts'
import { labNodes } from '../../lab/config.ts'
import { labUp } from '../../lab/index.ts'
import { labMirror } from '../../lab/mirror/index.ts'
import { once } from '../../lab/mirror/once.ts'
import { PROGRAMS } from '../../lab/mirror/programs.ts'
import { ssh } from '../../lab/ssh.ts'

const [one] = labNodes(1) as [ReturnType<typeof labNodes>[0]]

const on = async (command: string): Promise<string> => {
  const { code, stdout, stderr } = await ssh(one, command)
  if (code !== 0) throw new Error(`${one.name}: ${command}: exit ${code}: ${stderr}`)
  return stdout.trim()
}

test.before(async () => {
  await labUp({ log: () => {} })
})

test('a machine gets each program from the mirror, with the sum that was signed or published, and it runs', async (t) => {
  const { url, fingerprint } = await labMirror()
  const programs = PROGRAMS.filter(({ use }) => use === 'lab')
  const pins: Pins = Object.fromEntries(programs.map(({ product, version }) => [product, version]))
  const { releases } = await openReleases({
    catalogue: 'versions.yaml',
    lock: join(tmpdir(), `caravan-mirror-${process.pid}.lock`), // never written
    inventory: {
      file: 'inventory.yaml',
      versions: { set: 'current' },
      downloads: { mirror: url, by: 'host', keys: { hashicorp: fingerprint } },
    },
    asked: [{ role: 'toy', pins }],
  })
  const arch = await on('dpkg --print-architecture')
  for (const { product, version } of programs) {
    const release = releases(arch, pins, true)(product)
    const file = `/tmp/mirror-test/${product}`
    await on(`mkdir -p ${file} && cd ${file} && curl -fsS -o archive '${release.url}'`)
    t.is(await on(`sha256sum < ${file}/archive`), `${release.sha256}  -`)
    const unpack = release.url.endsWith('.zip') ? `python3 -m zipfile -e archive .` : 'tar xzf archive'
    t.regex(await on(`cd ${file} && ${unpack} && chmod +x * && ${RUN[product]}`), new RegExp(`${version}\\b`))
  }
  await on('rm -r /tmp/mirror-test')
})

const RUN: Readonly<Partial<Record<Product, string>>> = {
  nomad: './nomad version',
  consul: './consul version',
  coredns: './coredns -version',
  // Asked nothing, a plugin says what it is.
  'cni-plugins': 'CNI_COMMAND= ./bridge </dev/null 2>&1',
}

test('a machine finds the images in the registry', async (t) => {
  const { registry } = await labMirror()
  const accept = '-H "accept: application/vnd.docker.distribution.manifest.v2+json"'
  for (const image of ['busybox/manifests/lab', 'pause/manifests/3.9']) {
    const manifest = JSON.parse(await on(`curl -fsS ${accept} http://${registry}/v2/${image}`))
    const [{ digest, size }] = manifest.layers
    const blob = `http://${registry}/v2/${image.split('/')[0]}/blobs/${digest}`
    t.is(await on(`curl -fsS ${blob} | tee /tmp/blob | sha256sum`), `${digest.replace('sha256:', '')}  -`)
    t.is(await on('wc -c < /tmp/blob'), String(size))
  }
})

test('what the cache holds is made once, whole or not at all', async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'caravan-once-')), 'below', 'thing')
  t.teardown(() => rmSync(join(path, '..', '..'), { recursive: true }))
  const made: string[] = []
  const make = async (part: string) => {
    made.push(part)
    writeFileSync(part, 'whole')
  }
  const broken = async (part: string) => {
    writeFileSync(part, 'half')
    throw new Error('no space left')
  }
  await t.throwsAsync(once(path, broken), { message: 'no space left' })
  t.deepEqual(readdirSync(join(path, '..')), [])
  await Promise.all([once(path, make), once(path, make)])
  t.deepEqual([made.length, readFileSync(path, 'utf8'), readdirSync(join(path, '..'))], [1, 'whole', ['thing']])
})
