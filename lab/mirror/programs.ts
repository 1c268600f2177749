/** The programs that are built for the lab, each as its publisher builds it. */
import type { Product } from '../../core/declare/products.ts'

/** One `go build`: a package and the name of its program. */
type Target = { readonly package: string; readonly name: string }

export type Program = {
  readonly product: Product
  readonly version: string
  /** The one that the lab's machines get, or another that is built when somebody asks for it. */
  readonly use: 'lab' | 'by hand'
  readonly targets: readonly Target[]
  /** With cgo the program is linked statically: the machines have another libc than this computer may have. */
  readonly cgo: boolean
  readonly tags: readonly string[]
  /** What the linker sets, as the publisher's build does. */
  readonly ldflags: readonly string[]
  /** Roughly how long a first build takes on two idle cores. */
  readonly minutes: number
}

/** Directory of the module that pins a program's sources, in `modules/`. */
export const moduleOf = ({ product, version }: Pick<Program, 'product' | 'version'>): string => `${product}-${version}`

const set = (variables: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(variables).map(([name, value]) => `-X ${name}=${value}`)

type Commit = { readonly commit: string; readonly date: string }

/**
 * Source: GNUmakefile of Nomad 1.6. Its executor for the exec driver needs cgo. `codegen_generated` and `ui` take the
 * generated files, which are in the module.
 */
const nomad = (version: string, use: Program['use'], { commit, date }: Commit): Program => ({
  product: 'nomad',
  version,
  use,
  targets: [{ package: 'github.com/hashicorp/nomad', name: 'nomad' }],
  cgo: true,
  tags: ['ui', 'codegen_generated'],
  ldflags: set({
    'github.com/hashicorp/nomad/version.GitCommit': commit,
    'github.com/hashicorp/nomad/version.BuildDate': date,
  }),
  minutes: 3,
})

/** Source: .github/workflows/build.yml of Consul 1.14 and 1.15. */
const consul = (version: string, use: Program['use'], { commit, date }: Commit): Program => ({
  product: 'consul',
  version,
  use,
  targets: [{ package: 'github.com/hashicorp/consul', name: 'consul' }],
  cgo: false,
  tags: [],
  ldflags: set({
    'github.com/hashicorp/consul/version.GitCommit': commit,
    'github.com/hashicorp/consul/version.BuildDate': date,
  }),
  minutes: 4,
})

/** Source: Makefile of CoreDNS. */
const coredns = (version: string, use: Program['use'], commit?: string): Program => ({
  product: 'coredns',
  version,
  use,
  targets: [{ package: 'github.com/coredns/coredns', name: 'coredns' }],
  cgo: false,
  tags: [],
  ldflags: ['-s', '-w', ...(commit ? set({ 'github.com/coredns/coredns/coremain.GitCommit': commit }) : [])],
  minutes: 3,
})

const CNI = [
  'ipam/dhcp ipam/host-local ipam/static',
  'main/bridge main/host-device main/ipvlan main/loopback main/macvlan main/ptp main/vlan',
  'meta/bandwidth meta/firewall meta/portmap meta/sbr meta/tuning meta/vrf',
].flatMap((line) => line.split(' '))

/** Source: build_linux.sh and the release workflow of the CNI plugins. */
const cni = (version: string, use: Program['use'], more: readonly string[]): Program => ({
  product: 'cni-plugins',
  version,
  use,
  targets: [...CNI, ...more].map((path) => ({
    package: `github.com/containernetworking/plugins/plugins/${path}`,
    name: path.replace(/^.*\//, ''),
  })),
  cgo: false,
  tags: [],
  ldflags: set({ 'github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion': `v${version}` }),
  minutes: 1,
})

/** The commits and dates are those of the publishers' tags, as the Go module proxy names them. */
export const PROGRAMS: readonly Program[] = [
  nomad('1.6.2', 'lab', { commit: '73e372ad94033db2ceaf53468b270a31544c23fd', date: '2023-09-13T16:47:25Z' }),
  consul('1.15.4', 'lab', { commit: 'c3f767b1', date: '2023-06-23T23:14:17Z' }),
  cni('1.9.1', 'lab', ['main/dummy', 'main/tap']),
  coredns('1.14.7', 'lab'),
  nomad('1.6.1', 'by hand', { commit: '515895c7690cdc72278018dc5dc58aca41204ccc', date: '2023-07-21T13:49:42Z' }),
  consul('1.14.5', 'by hand', { commit: '8fd879b2', date: '2023-03-07T22:07:42Z' }),
  cni('1.0.1', 'by hand', []),
  coredns('1.10.1', 'by hand', '055b2c3'),
]
