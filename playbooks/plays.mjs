// What the site is made of: the roles, on which hosts, in which order. site.mjs runs it, setup.mjs offers to.
import { play } from '../core/index.ts'
import base from '../roles/base/index.ts'
import docker from '../roles/docker/index.ts'
import haproxy from '../roles/haproxy/index.ts'

export const plays = [play(base), play(docker), play(haproxy)]
