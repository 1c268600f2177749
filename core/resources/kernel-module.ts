import { declare, pathIdentity, type Resource, type ResourceType } from '../declare/resource.ts'
import { wrong } from './shared/declared.ts'
import { parseLines, printLines } from './shared/lines.ts'
import { garbage } from './shared/observe.ts'
import { beginReplace, endReplace } from './shared/replace.ts'

/** There is nothing to choose. */
export type KernelModuleWant = Readonly<Record<never, never>>
export type KernelModuleHave = Readonly<{ loaded: boolean; persisted: boolean }>

// Source: modules-load.d(5)
const fileOf = (name: string): string => `/etc/modules-load.d/caravan-${name}.conf`

// Both spellings are one module; the kernel's own has underscores.
const kernelName = (name: string): string => name.replaceAll('-', '_')

export const kernelModuleType: ResourceType<KernelModuleWant, KernelModuleHave> = {
  name: 'kernelModule',
  identity: (name) => pathIdentity(fileOf(name)),
  // what is built in has a directory in /sys/module only when it has parameters
  probe: (all) => `
missing=
for name in ${all.map(({ id }) => id).join(' ')}; do
  if [ -d /sys/module/$name ]; then echo "loaded:$name"; else missing=1; fi
done
if [ -n "$missing" ]; then
  grep -ohsE '/(${all.map(({ id }) => id.replaceAll('_', '[_-]')).join('|')})\\.ko' \\
    "/lib/modules/$(uname -r)/modules.builtin" | while IFS= read -r line; do line=\${line%.ko}; echo "loaded:\${line#/}"; done
fi
${printLines(all.map(({ id }) => fileOf(id)))}`,
  parse: (output, all) => {
    const lines = output.split('\n')
    const loaded = lines.filter((line) => line.startsWith('loaded:')).map((line) => kernelName(line.slice(7)))
    if (loaded.some((name) => !all.some(({ id }) => id === name))) garbage('kernelModule', loaded.join(' '))
    const files = parseLines(
      'kernelModule',
      lines.filter((line) => !line.startsWith('loaded:')).join('\n'),
      all.map(({ id }) => fileOf(id)),
    )
    return new Map(
      all.map(({ id }) => [id, { loaded: loaded.includes(id), persisted: files.get(fileOf(id))?.join() === id }]),
    )
  },
  diff: (_, { loaded, persisted }) => [
    ...(loaded ? [] : [{ property: 'loaded', from: 'no', to: 'yes' }]),
    ...(persisted ? [] : [{ property: 'persisted', from: 'no', to: 'yes' }]),
  ],
  apply: ({ id }) => `
[ -d /sys/module/${id} ] || modprobe -- ${id}
${beginReplace(fileOf(id))}
echo ${id} >"$tmp"
chmod 0644 -- "$tmp"
${endReplace}`,
}

/**
 * A module of the kernel that is loaded now, and at each boot by `/etc/modules-load.d/caravan-NAME.conf`. One that is
 * built in counts as loaded.
 * @throws DeclarationError
 */
export const kernelModule = (name: string): Resource<KernelModuleWant> => {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_-]*$/.test(name))
    throw wrong(`kernelModule ${name}`, 'this is not a name of a kernel module')
  return declare(kernelModuleType, kernelName(name), {})
}
