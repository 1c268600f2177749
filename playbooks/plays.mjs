// What the site is made of: the roles, on which hosts, in which order. site.mjs runs it, setup.mjs offers to.
import { play } from '../core/index.ts'
import base from '../roles/base/index.ts'
import crate from '../roles/crate/index.ts'
import docker from '../roles/docker/index.ts'
import storage from '../roles/storage/index.ts'

export const plays = [play(base), play(docker), play(storage), play(crate, { on: 'servers', needs: ['nomad'] })]
