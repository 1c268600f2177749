// What the site is made of: the roles, on which hosts, in which order. site.mjs runs it, setup.mjs offers to.
import { play } from '../core/index.ts'
import base from '../roles/base/index.ts'
import cni from '../roles/cni/index.ts'
import consulAcl from '../roles/consul/acl.ts'
import { consulCluster } from '../roles/consul/cluster.ts'
import consul from '../roles/consul/index.ts'
import coredns from '../roles/coredns/index.ts'
import crate from '../roles/crate/index.ts'
import docker from '../roles/docker/index.ts'
import haproxy from '../roles/haproxy/index.ts'
import nomadAcl from '../roles/nomad/acl.ts'
import { nomadCluster } from '../roles/nomad/cluster.ts'
import nomad from '../roles/nomad/index.ts'
import resolved from '../roles/resolved/index.ts'
import storage from '../roles/storage/index.ts'

export const plays = [
  play(base),
  play(docker),
  play(cni),
  play(consul, { on: 'servers', cluster: consulCluster }),
  play(consul, { except: 'servers', needs: ['consul'] }),
  play(consulAcl, { needs: ['consul'] }),
  play(coredns),
  play(resolved),
  // before the agents that offer it
  play(storage),
  play(nomad, { on: 'servers', cluster: nomadCluster, needs: ['consul'] }),
  play(nomad, { except: 'servers', needs: ['nomad'] }),
  play(nomadAcl, { needs: ['nomad'] }),
  play(haproxy),
  play(crate, { on: 'servers', needs: ['nomad'] }),
]
